//! Forecast as text: the actions, their rates and times, the resulting load, and its needs.

use std::fmt::Write as _;
use std::time::Duration;

use super::host::{ResourceNeed, bytes};
use super::load::Forecast;
use mychat_load::plan::StageWorkload;
use mychat_report::grouped;
use mychat_scenario::Scenario;
use mychat_scenario::model::{Action, Arrivals, Content, Group, Pace, ReadPolicy, Rooms, Size, Span, StageKind, To};

/// Renders the whole forecast.
pub fn text(scenario: &Scenario, forecast: &Forecast, needs: &[ResourceNeed]) -> String {
    let mut text = scenario.name.clone();
    if let Some(about) = &scenario.about {
        text.push_str(": ");
        text.push_str(about);
    }
    text.push_str("\n\nWho\n");
    for group in &scenario.groups {
        let _ = writeln!(text, "  {}", who(group));
        for line in lines(scenario, group) {
            let _ = writeln!(text, "      {line}");
        }
    }
    if !scenario.cases.is_empty() {
        let _ = writeln!(text, "  {} scripted cases, before the load", scenario.cases.len());
    }
    when(&mut text, scenario, forecast);
    text.push_str("\nNeeds\n");
    for ResourceNeed { what, figure, met, note } in needs {
        let mark = if *met { "✓" } else { "✗" };
        let note = note.as_ref().map_or(String::new(), |note| format!("  ({note})"));
        let _ = writeln!(text, "  {mark} {what:12} {figure}{note}");
    }
    let can = needs.iter().all(|need| need.met);
    text.push_str(if can { "\nThis machine can do it.\n" } else { "\nThis machine cannot do it.\n" });
    text
}

fn who(group: &Group) -> String {
    let (first, last) = (group.name_pattern.name(&group.name, 1), group.name_pattern.name(&group.name, group.count));
    let names = if group.count == 1 { first } else { format!("{first} … {last}") };
    let users = if group.count == 1 { "1 user".to_owned() } else { format!("{} users", grouped(group.count.into())) };
    let hostile = if group.hostile { ", hostile" } else { "" };
    format!(
        "{}: {users}{hostile}, {names}, joining at {}/s within {}",
        group.name,
        number(group.join),
        seconds(f64::from(group.count) / group.join)
    )
}

fn lines(scenario: &Scenario, group: &Group) -> Vec<String> {
    let mut lines = vec![pace(group)];
    let weights: u32 = group.actions.iter().map(|weighted| weighted.weight).sum();
    for weighted in &group.actions {
        let share = 100.0 * f64::from(weighted.weight) / f64::from(weights);
        lines.push(format!("{:>4} %  {}", number(share), action(scenario, &weighted.action)));
    }
    lines.extend(group.rooms.as_ref().map(|rooms| self::rooms(group, rooms)));
    if let Some(session) = group.session {
        let ways: Vec<String> = group.leave.iter().map(|leave| format!("{leave:?}").to_lowercase()).collect();
        let ways = if ways.is_empty() { "disconnect".to_owned() } else { ways.join(", ") };
        lines.push(format!("stays for {}, leaves by {ways}, and comes back", span(session)));
    }
    match group.read {
        ReadPolicy::Fast => {}
        ReadPolicy::Rate(rate) => lines.push(format!("reads {}/s at most", bytes(rate as f64))),
        ReadPolicy::Pauses { pause, every } => {
            lines.push(format!("stops reading for {} every {}", length(pause), length(every)));
        }
        ReadPolicy::Never => lines.push("never reads".to_owned()),
    }
    lines
}

fn rooms(group: &Group, rooms: &Rooms) -> String {
    let (first, last) = (rooms.name(&group.name, 1), rooms.name(&group.name, rooms.count));
    if rooms.count == 1 {
        return format!("each joins the room {first}");
    }
    let share = match rooms.zipf {
        Some(exponent) => format!("by Zipf's law with exponent {exponent}"),
        None => "evenly".to_owned(),
    };
    let (each, count) = (grouped(rooms.each.into()), grouped(rooms.count.into()));
    format!("each joins {each} of {count} rooms, {first} … {last}, dealt out {share}")
}

fn pace(group: &Group) -> String {
    match group.pace {
        Pace::Silent => "only reads".to_owned(),
        Pace::Open { rate, arrivals } => {
            let each = rate.per_user(group.count);
            let times = match arrivals {
                Arrivals::Poisson => "at random times",
                Arrivals::Even => "at regular intervals",
            };
            let often = if each >= 1.0 {
                format!("{} times per second", number(each))
            } else {
                format!("once every {}", seconds(1.0 / each))
            };
            let all = if group.count == 1 {
                String::new()
            } else {
                format!(", {} times per second in total", number(each * f64::from(group.count)))
            };
            format!("each acts {often}{all}, {times}")
        }
        Pace::Closed { think } => format!("each acts, waits for the answer, and thinks for {}", span(think)),
    }
}

fn action(scenario: &Scenario, action: &Action) -> String {
    let name = action.name();
    match action {
        Action::Broadcast { content } => format!("{name} of {}", size(content)),
        Action::Private { to, content } => {
            let to = match to {
                To::Group(group) => &scenario.groups[*group].name,
                To::Nobody => "nobody, which must be answered by 404",
                To::Myself => "itself",
                To::Partner => "its partner",
            };
            format!("{name} of {} to {to}", size(content))
        }
        Action::Oversize { size } | Action::Garbage { size } => format!("{name} of {}", range(*size)),
        Action::DuplicateName { of } => format!("{name} of one of {}", scenario.groups[*of].name),
        Action::HalfFrame { stall } => format!("{name} with a stall of {}", length(*stall)),
        Action::Reconnect { leave } => format!("{name} after {}", format!("{leave:?}").to_lowercase()),
        Action::Say { content } => format!("{name} of {} to one of its rooms", size(content)),
        Action::JoinRoom | Action::LeaveRoom => name.to_owned(),
        Action::Frame { text, .. } => format!("{name} {text:?}"),
    }
}

fn size(content: &Content) -> String {
    match content.size {
        Size::Bytes(span) => range(span),
        Size::Max => "as many bytes as the protocol allows".to_owned(),
    }
}

fn range(span: Span<u32>) -> String {
    if span.from == span.to { format!("{} bytes", span.from) } else { format!("{} to {} bytes", span.from, span.to) }
}

fn when(text: &mut String, scenario: &Scenario, forecast: &Forecast) {
    if forecast.load.stages.is_empty() {
        return;
    }
    let names = forecast.load.stages.iter().map(|part| part.name.chars().count());
    let width = names.max().unwrap_or(0).max(10);
    let title = width + 2;
    let _ = writeln!(
        text,
        "\n{:<title$} {:>6} {:>9}  messages/s   deliveries/s bytes out/s  bytes in/s",
        "When", "from", "for"
    );
    let _ = writeln!(text, "  {:width$} {:>6} {:>9}", "join", "", seconds(forecast.joining));
    for part in &forecast.load.stages {
        let StageWorkload { name, start, seconds: length, sends, deliveries, sent_bytes, received_bytes, .. } = part;
        let each = |amount: &f64| amount / length.max(0.001);
        let _ = writeln!(
            text,
            "  {name:width$} {:>6} {:>9} {:>11} {:>14} {:>11} {:>11}",
            seconds(*start),
            seconds(*length),
            number(each(sends)),
            number(each(deliveries)),
            bytes(each(sent_bytes)),
            bytes(each(received_bytes)),
        );
    }
    let all = |of: fn(&StageWorkload) -> f64| forecast.load.stages.iter().map(of).sum::<f64>();
    let _ = writeln!(
        text,
        "  in total: {} messages, {} deliveries, {} out, {} in",
        grouped(all(|part| part.sends).round() as u64),
        grouped(all(|part| part.deliveries).round() as u64),
        bytes(all(|part| part.sent_bytes)),
        bytes(all(|part| part.received_bytes)),
    );
    if scenario.stages.iter().any(|stage| matches!(stage.kind, StageKind::FindMax(_))) {
        text.push_str("  the row of a find_max search shows its largest probe\n");
    }
    if forecast.load.has_closed_loops {
        text.push_str(
            "  closed loops (`think`) come on top: how much they send depends on how fast the server \
                       answers\n",
        );
    }
    if forecast.returns > 0.0 {
        let _ = writeln!(text, "  {} users per second leave and come back", number(forecast.returns));
    }
}

/// Formats a number with its significant digits.
fn number(value: f64) -> String {
    if value >= 100.0 || (value - value.round()).abs() < 1e-9 {
        grouped(value.round() as u64)
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

fn seconds(value: f64) -> String {
    if value < 0.9995 && value > 0.0 { format!("{:.0} ms", value * 1e3) } else { format!("{} s", number(value)) }
}

fn length(duration: Duration) -> String {
    seconds(duration.as_secs_f64())
}

fn span(span: Span<Duration>) -> String {
    if span.from == span.to { length(span.from) } else { format!("{} to {}", length(span.from), length(span.to)) }
}
