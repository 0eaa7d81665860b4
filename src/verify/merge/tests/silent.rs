//! Directions on which the sender says nothing.

use super::{E, merged, pairs, report};

#[test]
fn a_sender_whose_report_is_there_is_not_called_silent() {
    // The newest report of node2 does not know node1, of which node1's report is about both directions.
    let all = merged(&[report(1, &[(2, E)], &[(2, E)]), report(2, &[(3, E)], &[(3, E)])]);
    let found = pairs(&all);
    assert!(found.contains(&"2>1 INCONCLUSIVE not-a-peer".to_owned()), "{found:?}");
    assert!(found.contains(&"3>2 INCONCLUSIVE sender-silent".to_owned()), "{found:?}");
}
