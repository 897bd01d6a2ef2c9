//! Conformance matrix of many servers as a page.

use maud::{Markup, html};

use super::page_frame;
use crate::matrix::{Matrix, MatrixRow};

/// Renders the page.
pub fn matrix_page(matrix: &Matrix) -> String {
    let page = page_frame(
        "Conformance · MyChat bench",
        &html! {
            main {
                h1 { "Conformance" }
                p.sub { (matrix.servers.len()) " servers against " (matrix.statements.len()) " statements of the protocol" }
                div.scroll tabindex="0" role="group" aria-label="a table that scrolls" { (table(matrix)) }
                (should_checks(matrix))
                section {
                    h2 { "The statements" }
                    dl.facts {
                        @for statement in &matrix.statements {
                            dt { (statement.id) @if !statement.section.is_empty() { " · " (statement.section) } }
                            dd { (statement.text) }
                        }
                    }
                }
            }
        },
    );
    crate::visible(&page.into_string()).into_owned()
}

fn table(matrix: &Matrix) -> Markup {
    html! {
        table.matrix {
            thead { tr {
                th scope="col" { "Server" } th scope="col" { "passed" }
                th scope="col" { abbr title="failed must checks" { "must ✗" } }
                th scope="col" { abbr title="failed should checks" { "should ✗" } }
                @for statement in &matrix.statements {
                    th scope="col" { abbr title=(statement.text) { (statement.id) } }
                }
            } }
            tbody { @for server in &matrix.servers { (row(server, matrix.statements.len())) } }
            // A clause that most servers fail may need another explanation in class.
            tfoot { tr {
                th scope="row" { "passed by" } td {} td {} td {}
                @for column in 0..matrix.statements.len() { td { (matrix.passed_by(column)) } }
            } }
        }
    }
}

fn row(server: &MatrixRow, columns: usize) -> Markup {
    html! {
        tr {
            th scope="row" { (server.name) }
            @match &server.result {
                Ok(found) => {
                    td { (found.passed()) }
                    td { (found.must_failed) }
                    td { (found.should_failed) }
                    @for status in &found.statements {
                        @let (sign, class) = sign(status.as_deref());
                        td { span class={ "mark " (class) } role="img" title=[status.as_deref()]
                             aria-label=[status.as_deref()] { (sign) } }
                    }
                }
                Err(reason) => td.unread colspan=(columns + 3) { (reason) },
            }
        }
    }
}

/// Lists the should checks that at least one server fails.
fn should_checks(matrix: &Matrix) -> Markup {
    html! {
        @if !matrix.should_checks.is_empty() {
            section {
                h2 { "Should checks that fail" }
                div.scroll tabindex="0" role="group" aria-label="a table that scrolls" {
                    table {
                        thead { tr { th scope="col" { "Check" } th scope="col" { "About" } th scope="col" { "Servers that fail it" } } }
                        tbody {
                            @for (column, check) in matrix.should_checks.iter().enumerate() {
                                @let servers = matrix.failed_by(column);
                                tr {
                                    td { code { (check.id) } }
                                    td { (check.title) }
                                    td { (servers.len()) ": " (servers.join(", ")) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn sign(status: Option<&str>) -> (&'static str, &'static str) {
    match status {
        Some("pass") => ("✓", "good"),
        Some("fail") => ("✗", "bad"),
        Some("inconclusive") => ("?", "unsure"),
        Some(_) => ("–", "skipped"),
        None => ("", "skipped"),
    }
}
