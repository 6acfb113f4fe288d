//! The portal's sections: one table, from which the navigation at the top of every page and the page "More" are drawn.

use super::{App, Page, html, trouble::Trouble};
use crate::core::Right;
use crate::store::session::Session;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

/// Where a section is led to from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// The bar at the top of every page: few, so that they stand in one line.
    Bar,
    /// The page "More", under this heading.
    More(&'static str),
}

/// One section of the portal.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its first page.
    pub(super) href: &'static str,
    /// What it is called.
    pub(super) label: &'static str,
    /// What its pages give as [`Page::section`].
    pub(super) section: &'static str,
    /// Where it is led to from.
    pub(super) group: Group,
    /// What its pages need.
    pub(super) right: Right,
    /// What is there, in one sentence: the page "More" says it.
    pub(super) about: &'static str,
}

const fn bar(right: Right, href: &'static str, label: &'static str, section: &'static str) -> Entry {
    Entry { href, label, section, group: Group::Bar, right, about: "" }
}

/// What a section under "More" is called in [`Page::section`] is its address without the stroke.
const fn more(
    right: Right,
    heading: &'static str,
    href: &'static str,
    label: &'static str,
    about: &'static str,
) -> Entry {
    Entry { href, label, section: href.split_at(1).1, group: Group::More(heading), right, about }
}

/// Every section, in the order in which they are shown.
pub(super) const ENTRIES: &[Entry] = &[
    bar(Right::Cases, "/review", "Review", "review"),
    bar(Right::Cases, "/", "Cases", "cases"),
    bar(Right::Councillor, "/my", "Councillor", "my"),
    bar(Right::Councillor, "/ward", "Ward", "ward"),
    bar(Right::Councillor, "/overdue", "Overdue", "overdue"),
    bar(Right::Reports, "/reports", "Reports", "reports"),
    bar(Right::Cases, "/log", "Write down a call", "log"),
    more(Right::Desk, "Cases", "/campaigns", "Campaigns", "Letters that many people sent, each answered once for all."),
    more(
        Right::Desk,
        "Cases",
        "/patterns",
        "Again and again",
        "Places where the same thing is reported over and over.",
    ),
    more(
        Right::Desk,
        "Messages",
        "/letters",
        "Letters",
        "To be printed and posted to residents who rang or came to a surgery.",
    ),
    more(
        Right::Desk,
        "Messages",
        "/outbox",
        "Mail not delivered",
        "What waits for a person, came back, or may not have arrived.",
    ),
    more(
        Right::Desk,
        "Messages",
        "/quarantine",
        "Quarantine",
        "What could not be read or worked on, to be tried again.",
    ),
    more(Right::Desk, "Messages", "/set-aside", "Set aside", "Automatic mail and spam, which became no case."),
    more(Right::Desk, "Messages", "/blocked", "Blocked senders", "Whose messages are set aside, since when and why."),
    more(Right::Desk, "beadle", "/learned", "What was learned", "What corrections taught, service by service."),
    more(Right::Account, "beadle", "/account", "Your account", "Password, second factor, and where you are signed in."),
    more(
        Right::Administration,
        "Administration",
        "/admin/set-up",
        "Set up",
        "The council, its mailboxes, services, wards and people.",
    ),
    more(
        Right::Administration,
        "Administration",
        "/admin/people",
        "People",
        "Who has an account, and what they may do.",
    ),
    more(
        Right::Administration,
        "Administration",
        "/admin/hand-over",
        "Hand over cases",
        "When a councillor leaves, or wards are drawn anew.",
    ),
    more(
        Right::Administration,
        "Administration",
        "/admin/services",
        "Services",
        "Names, departments, promised days, and how much came in.",
    ),
    more(
        Right::Administration,
        "Administration",
        "/admin/departments",
        "Departments",
        "Who gets the work, and where it is sent.",
    ),
    more(
        Right::Administration,
        "Administration",
        "/admin/rules",
        "Rules",
        "What beadle goes by, and what a change would have done last month.",
    ),
    more(
        Right::Administration,
        "Administration",
        "/admin/channels",
        "Channels",
        "How messages come in and go out, and what waits.",
    ),
    more(
        Right::Administration,
        "Administration",
        "/admin/quarantine",
        "Quarantine, without originals",
        "What could not be read or worked on, to be tried again.",
    ),
    more(
        Right::Administration,
        "Administration",
        "/admin/outbox",
        "Mail not delivered, without names",
        "What waits for a person, came back, or may not have arrived, and why.",
    ),
    more(
        Right::Administration,
        "Administration",
        "/admin/models",
        "Models",
        "Which are at work, what corrections taught them, and the way back.",
    ),
    more(
        Right::Administration,
        "Administration",
        "/admin/access",
        "Who may read what",
        "As the program itself asks it.",
    ),
    more(
        Right::Administration,
        "Administration",
        "/admin/audit",
        "Audit trail",
        "Who did or read what, and whether the trail is whole.",
    ),
];

/// What [`Page::section`] is on the page "More" itself.
const MORE: &str = "more";

/// A link of the bar, as it is drawn.
pub(super) struct Link {
    /// Where it leads.
    pub(super) href: &'static str,
    /// What it is called.
    pub(super) label: &'static str,
    /// What `aria-current` says: `page`, `true` for a section that this page is part of, empty elsewhere.
    pub(super) current: &'static str,
}

impl Page {
    /// The bar's links, "More" as the last one.
    pub(super) fn bar(&self) -> Vec<Link> {
        let entries = ENTRIES.iter().filter(|e| e.group == Group::Bar && self.rights.contains(&e.right));
        let mut links: Vec<Link> = entries
            .map(|e| Link {
                href: e.href,
                label: e.label,
                current: if e.section == self.section { "page" } else { "" },
            })
            .collect();
        let current = match self.section {
            MORE => "page",
            _ if self.is_under_more() => "true",
            _ => "",
        };
        links.push(Link { href: "/more", label: "More", current });
        links
    }

    /// Whether the way back leads to the page "More".
    pub(super) fn is_under_more(&self) -> bool {
        ENTRIES.iter().any(|e| e.group != Group::Bar && e.section == self.section)
    }
}

#[derive(Template)]
#[template(path = "more.html")]
struct MorePage {
    page: Page,
    groups: Vec<(&'static str, Vec<&'static Entry>)>,
}

/// `GET /more`: what the bar has no room for. It shows nothing of anybody, so no reading is written down.
pub(super) async fn page(State(app): State<App>, Extension(session): Extension<Session>) -> Result<Response, Trouble> {
    let mut groups: Vec<(&str, Vec<&Entry>)> = Vec::new();
    for entry in ENTRIES.iter().filter(|entry| session.holds(entry.right)) {
        let Group::More(heading) = entry.group else { continue };
        match groups.iter_mut().find(|(h, _)| *h == heading) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((heading, vec![entry])),
        }
    }
    Ok(html(&MorePage { page: Page::new(&app, &session, MORE, "More"), groups })?.into_response())
}
