//! Network namespaces that cannot be entered.

use ovlsniff::host::namespace::{Error, Namespace};

#[test]
#[ignore = "needs root"]
fn path_that_is_no_namespace_says_so() {
    let namespace = Namespace::find("/dev/null").unwrap();
    assert!(matches!(namespace.visit(|| ()), Err(Error::Other { .. })));
}
