//! Conformance matrix of many servers as a page.

use maud::html;

use super::page_frame;
use crate::matrix::Matrix;

/// Renders the page.
pub fn matrix_page(matrix: &Matrix) -> String {
    let page = page_frame(
        "Conformance · MyChat bench",
        &html! {
            main {
                h1 { "Conformance" }
                p.sub { (matrix.servers.len()) " servers against " (matrix.statements.len()) " statements of the protocol" }
                div.scroll tabindex="0" role="group" aria-label="a table that scrolls" {
                    table.matrix {
                        thead { tr {
                            th scope="col" { "Server" } th scope="col" { "passed" }
                            @for statement in &matrix.statements {
                                th scope="col" { abbr title=(statement.text) { (statement.id) } }
                            }
                        } }
                        tbody {
                            @for (server, line) in &matrix.servers {
                                tr {
                                    th scope="row" { (server) }
                                    td { (Matrix::passed(line)) }
                                    @for status in line {
                                        @let (sign, class) = sign(status.as_deref());
                                        td { span class={ "mark " (class) } role="img" title=[status.as_deref()]
                                             aria-label=[status.as_deref()] { (sign) } }
                                    }
                                }
                            }
                        }
                        // A clause that most servers fail may need another explanation in class.
                        tfoot { tr {
                            th scope="row" { "passed by" } td {}
                            @for column in 0..matrix.statements.len() { td { (matrix.passed_by(column)) } }
                        } }
                    }
                }
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
    crate::visible(&page.into_string())
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
