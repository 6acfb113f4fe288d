//! The words of the form on the web, one file of `rules/form/` for each language.

use super::TrailWords;

/// Words of which every key has to be there; those in braces, named behind each key, are filled in.
macro_rules! all_needed {
    (
        $(#[$about:meta])* $name:ident {$($(#[$more_doc:meta])* $more:ident: $kind:ty,)*}
        $($(#[$doc:meta])* $key:ident: [$($word:literal),*],)+
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$more_doc])* pub $more: $kind,)*
            $($(#[$doc])* pub $key: String,)+
        }

        impl $name {
            /// What is wrong with a key: one line.
            pub(super) fn check_keys(&self) -> Result<(), String> {
                $(
                    if self.$key.trim().is_empty() {
                        return Err(concat!("'", stringify!($key), "' says nothing").to_owned());
                    }
                    $crate::understanding::reply::check_words(&self.$key, &[$($word),*])
                        .map_err(|what| format!(concat!(stringify!($key), ": {}"), what))?;
                )+
                Ok(())
            }

            /// The words in braces of each key, in the order of the keys.
            #[cfg(test)]
            pub(super) fn filled_in(&self) -> Vec<(&'static str, std::collections::BTreeSet<String>)> {
                let words = |text: &str| {
                    text.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0.to_owned())).collect()
                };
                vec![$((stringify!($key), words(&self.$key))),+]
            }
        }
    };
}

pub(super) use all_needed;

all_needed! {
    /// What residents read on the form, on the page that shows how their report stands, and in the mail that asks whether an
    /// address is theirs.
    FormWords {
        /// Who of the council read these words and found them right.
        reviewed_by: Option<String>,
        /// When, `2026-03-13`.
        reviewed_on: Option<String>,
        /// What residents can do on the page behind the private link.
        trail_page: TrailWords,
    }
    /// What the language calls itself.
    language_name: [],
    /// Heading of the list of languages.
    language: [],
    /// The link over the head of the page.
    skip: [],
    /// Behind what may be left empty.
    optional: [],
    /// Before an error.
    error: [],
    /// Heading of the list of errors.
    errors: [],
    /// Heading of the form.
    title: [],
    /// What it is for.
    lead: ["council"],
    /// What is wrong.
    problem: [],
    /// How to say it.
    problem_hint: [],
    /// Where it is.
    place: [],
    /// How to say where.
    place_hint: [],
    /// A link to a map.
    position: [],
    /// What to do with it.
    position_hint: [],
    /// The button that asks the browser for it.
    use_position: [],
    /// When the browser does not say.
    no_position: [],
    /// Files.
    files: [],
    /// How many, how large.
    files_hint: ["count", "size"],
    /// After an error.
    files_again: [],
    /// Which councillor.
    councillor: [],
    /// None chosen.
    by_place: [],
    /// Heading of who they are.
    you: [],
    /// Why they are asked.
    you_hint: [],
    /// The box of who does not wish to be known.
    anonymous: [],
    /// What that means.
    anonymous_hint: [],
    /// Name.
    name: [],
    /// Email address.
    email: [],
    /// What becomes of it.
    email_hint: [],
    /// Telephone number.
    phone: [],
    /// What becomes of it.
    phone_hint: [],
    /// Whom they allow to know them:
    consent: [],
    /// councillor and department,
    consent_share: [],
    /// the councillor,
    consent_councillor: [],
    /// or neither.
    consent_neither: [],
    /// Choice: nobody but the councillor reads it.
    consent_private: [],
    /// The field that people do not see.
    trap: [],
    /// The button.
    send: [],
    /// The link to what the council does with it.
    privacy: [],
    /// Nothing is said.
    e_problem: [],
    /// Too much is.
    e_long: ["count"],
    /// No email address.
    e_email: [],
    /// No telephone number.
    e_phone: [],
    /// Nothing is chosen.
    e_consent: [],
    /// Error: for the councillor only, and none chosen.
    e_private: [],
    /// Too many files.
    e_count: ["count"],
    /// Too large ones.
    e_size: ["size"],
    /// A file that can carry a program.
    e_kind: ["name"],
    /// The page is too old, or was changed on its way.
    e_old: [],
    /// It came back too soon.
    e_quick: [],
    /// Other words were sent from it.
    e_sent: [],
    /// Too many came from there.
    e_busy: ["minutes"],
    /// The database is away.
    e_away: [],
    /// Heading of the page that follows.
    done: [],
    /// Before the reference.
    reference: [],
    /// Before the private link.
    keep: [],
    /// What comes next.
    next: [],
    /// That a link is on its way.
    proof: [],
    /// The way back to the form.
    another: [],
    /// Heading of the page behind the private link.
    trail: [],
    /// How it stands.
    state: [],
    /// What happened.
    happened: [],
    /// It came in;
    received: [],
    /// it went to its department;
    routed: ["department"],
    /// it was closed.
    closed: [],
    /// Before the day it is promised for.
    due: [],
    /// It is dealt with in another case.
    joined: [],
    /// The address is not confirmed.
    unproven: [],
    /// It is.
    proven: [],
    /// The link that loads the page again.
    again: [],
    /// A link that is none.
    gone: [],
    /// What to do then.
    gone_hint: [],
    /// Heading of the page behind the link in the mail.
    confirm: [],
    /// What is asked.
    confirm_hint: ["council"],
    /// Yes.
    confirm_yes: [],
    /// No.
    confirm_no: [],
    /// After yes.
    confirmed: [],
    /// After no.
    denied: [],
    /// Subject of the mail.
    mail_subject: ["council"],
    /// Its body.
    mail_body: ["council", "link"],
}

impl FormWords {
    /// What is wrong with it: one line.
    pub(in crate::understanding) fn check(&self) -> Result<(), String> {
        self.check_keys()?;
        self.trail_page.check().map_err(|what| format!("[trail_page]: {what}"))?;
        if self.mail_body.contains("{link}") {
            return Ok(());
        }
        Err("'mail_body' must hold the {link}".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use crate::understanding::language::Languages;
    use crate::understanding::rules::Rules;

    #[test]
    fn the_form_speaks_every_promised_language_with_the_same_words_filled_in() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
        let rules = Rules::load(&root).unwrap();
        let languages = Languages::new();
        for code in crate::core::language::ANSWERED {
            let words = rules.forms.get(code).unwrap_or_else(|| panic!("no form/{code}.toml"));
            assert_eq!(words.filled_in(), rules.forms["en"].filled_in(), "{code}");
            assert_eq!(words.trail_page.filled_in(), rules.forms["en"].trail_page.filled_in(), "{code}");
            let said =
                [&words.anonymous_hint, &words.e_kind, &words.keep, &words.proof, &words.unproven, &words.mail_body];
            assert_eq!(languages.detect(&said.map(String::as_str).join("\n")).code, code);
            let page = &words.trail_page;
            let said = [&page.add_hint, &page.withdraw_hint, &page.next_late, &page.said_left, &page.rate_hint];
            assert_eq!(languages.detect(&said.map(String::as_str).join("\n")).code, code, "[trail_page]");
        }
    }
}
