//! The matrix as one page of HTML that needs nothing else: no script, style, picture or letter from elsewhere.
//!
//! The page is made of texts that other machines wrote. Each of them goes through [`safe::Safe`], and the page's own policy (CSP)
//! allows exactly one style sheet and one script, by their hashes, and nothing to be loaded or sent: a text that got past
//! the escaping could still do nothing.
//!
//! Evidence opens as a `popover`, which browsers show without a script, on a click or with the Enter key. The script only
//! moves the focus in the matrix with the arrow keys, so that nobody has to press Tab ten thousand times.

mod cells;
mod safe;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use self::safe::{Safe, badge, class};
use super::{age, findings, heading, moment, pairs, remedies, unplaced, whole};
use crate::escape::counted;
use crate::verify::Expectation;
use crate::verify::merge::{Merged, MergedNetwork, ago};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The most problems on the page. JSON has all.
const MOST_PROBLEMS: usize = 500;

/// Returns the page.
pub fn html(merged: &Merged, expected: Expectation) -> String {
    let verdict = merged.verdict(expected);
    let mut page = String::new();
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{} – ovlsniff</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        hash(STYLE),
        hash(SCRIPT),
        verdict.name()
    );
    let (word, rest) = (verdict.name(), whole(merged, expected));
    let rest = rest.strip_prefix(word).map_or(rest.as_str(), |rest| rest.trim_start_matches(": "));
    let _ = write!(
        page,
        "<header class=\"top {}\">\n<p class=\"verdict\">{}</p>\n<div><h1>Are the overlay networks encrypted?</h1>\n<p>{}.</p>\n\
         <p class=\"quiet\">{} as of <time>{}</time>; one is stale after {}. Each direction is judged by the node that sent it.</p></div>\n</header>\n",
        class(verdict),
        badge(verdict),
        Safe(rest),
        counted(merged.reports as u64, "report", "reports"),
        moment(merged.terms.at.nanos),
        ago(i64::try_from(merged.terms.stale.as_nanos()).unwrap_or(i64::MAX)),
    );
    if merged.networks.len() > 1 {
        page.push_str("<nav aria-label=\"Networks\"><ul>\n");
        for (at, network) in merged.networks.iter().enumerate() {
            let _ = writeln!(
                page,
                "<li><a href=\"#n{at}\">{} {}</a></li>",
                badge(network.verdict),
                Safe(&heading(network))
            );
        }
        page.push_str("</ul></nav>\n");
    }
    page.push_str("<main>\n");
    write_problems(&mut page, merged);
    for (at, network) in merged.networks.iter().enumerate() {
        write_network(&mut page, merged, at, network, expected);
    }
    page.push_str("</main>\n");
    page.push_str(LEGEND);
    let _ = write!(page, "<script>{SCRIPT}</script>\n</body>\n</html>\n");
    page
}

const LEGEND: &str = "<footer>\n<h2>How to read this</h2>\n<dl class=\"legend\">\n\
    <div><dt class=\"e\">E</dt><dd>ENCRYPTED: proven on the wire, and delivered</dd></div>\n\
    <div><dt class=\"c\">C</dt><dd>CLEAR: somebody on the wire can read it</dd></div>\n\
    <div><dt class=\"a\">A</dt><dd>AUTH-ONLY: authenticated, and readable</dd></div>\n\
    <div><dt class=\"b\">B</dt><dd>BLACKHOLED: nothing arrives</dd></div>\n\
    <div><dt class=\"q\">?</dt><dd>INCONCLUSIVE: nothing is proven</dd></div>\n\
    <div><dt class=\"u\">–</dt><dd>not reported by anybody</dd></div>\n\
    <div><dt class=\"n\">N</dt><dd>NOT-ENFORCED: encrypted, and clear frames would be accepted (of a whole node)</dd></div>\n</dl>\n\
    <p>A row sends, a column receives. Choose a square for its evidence; arrow keys move between squares, and Escape closes. \
    A report tells of the time of its watch, and is believed if its figures bear it: reports are not signed.</p>\n</footer>\n";

fn write_problems(page: &mut String, merged: &Merged) {
    if merged.problems.is_empty() {
        return;
    }
    let count = merged.problems.len() as u64 + merged.more_problems;
    let open = if merged.in_doubt { " open" } else { "" };
    let _ = write!(
        page,
        "<details class=\"problems\"{open}><summary>{} with the reports</summary>\n<ul>\n",
        counted(count, "problem", "problems")
    );
    for problem in merged.problems.iter().take(MOST_PROBLEMS) {
        let file = if problem.file.is_empty() { String::new() } else { format!("{}: ", problem.file) };
        let _ = writeln!(
            page,
            "<li><code>{}</code> {}{}</li>",
            Safe(problem.code),
            Safe(&file),
            Safe(&problem.text)
        );
    }
    page.push_str("</ul></details>\n");
}

fn write_network(
    page: &mut String,
    merged: &Merged,
    at: usize,
    network: &MergedNetwork,
    expected: Expectation,
) {
    let _ = write!(
        page,
        "<section id=\"n{at}\" aria-labelledby=\"h{at}\">\n<h2 id=\"h{at}\">{} {}</h2>\n<p>{}.</p>\n",
        badge(network.verdict),
        Safe(&heading(network)),
        Safe(&pairs(network))
    );
    cells::write_bar(page, network);
    cells::write_matrix(page, at, network);
    write_remedies(page, network, expected);
    write_nodes(page, merged, network);
    page.push_str("</section>\n");
}

fn write_remedies(page: &mut String, network: &MergedNetwork, expected: Expectation) {
    let (remedies, (findings, more)) = (remedies(network, expected), findings(network));
    let mut findings: Vec<String> =
        findings.into_iter().map(|(code, text, nodes)| format!("{code}: {text} ({nodes})")).collect();
    if more > 0 {
        findings.push(format!("{more} more: left out here, and listed in JSON"));
    }
    let unplaced = unplaced(network, expected);
    if remedies.is_empty() && findings.is_empty() && unplaced.is_empty() {
        return;
    }
    page.push_str("<div class=\"advice\">\n");
    for (title, lines) in [("In no square", unplaced), ("What to do", remedies), ("Findings", findings)] {
        if lines.is_empty() {
            continue;
        }
        let _ = writeln!(page, "<h3>{title}</h3>\n<ul>");
        for line in lines {
            let (code, text) = line.split_once(": ").unwrap_or(("", &line));
            let _ = writeln!(page, "<li><code>{}</code> {}</li>", Safe(code), Safe(text));
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</div>\n");
}

fn write_nodes(page: &mut String, merged: &Merged, network: &MergedNetwork) {
    let silent = network.nodes.iter().filter(|node| node.reports.is_empty()).count();
    let told = if silent > 0 { format!(", {silent} without a report") } else { String::new() };
    let nodes = counted(network.nodes.len() as u64, "node", "nodes");
    let open = if network.nodes.len() <= 12 { " open" } else { "" };
    let _ = write!(
        page,
        "<details class=\"nodes\"{open}><summary>{nodes}{told}</summary>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Nodes\"><table>\n\
         <thead><tr><th scope=\"col\">No.</th><th scope=\"col\">Node</th><th scope=\"col\">Addresses</th><th scope=\"col\">Report</th>\
         <th scope=\"col\">Its own verdict</th></tr></thead>\n<tbody>\n"
    );
    for (number, node) in network.nodes.iter().enumerate() {
        let addresses: Vec<String> = node.addresses.iter().take(8).map(ToString::to_string).collect();
        let _ = write!(
            page,
            "<tr><td>{}</td><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>",
            number + 1,
            Safe(&node.label()),
            addresses.join("<br>"),
            age(merged, node)
        );
        for word in &node.reports {
            let _ = write!(
                page,
                "<p title=\"{}\">{} {}</p>",
                Safe(&word.file),
                badge(word.verdict),
                Safe(&word.reason)
            );
        }
        page.push_str("</td></tr>\n");
    }
    page.push_str("</tbody></table></div></details>\n");
}

/// Returns the hash of a text as a policy names it.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_gets_out_of_its_place() {
        let safe = Safe("\"><script>alert('1')</script>&amp;\u{202e}\n").to_string();
        assert_eq!(safe, "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;\\u{202e}\\n");
    }

    #[test]
    fn the_policy_names_the_hash_that_browsers_compute() {
        assert_eq!(hash("alert(1)"), "sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=");
        // A tag within would end the element, and with it the hash.
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</"));
    }
}
