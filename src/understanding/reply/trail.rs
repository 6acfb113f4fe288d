//! What residents can do on the page behind the private link of their report, in the section `[trail_page]` of the words of the form.

use super::form::all_needed;

all_needed! {
    /// What residents read where they add to their report, withdraw it, or say how content they are.
    TrailWords {}
    /// Heading of what comes next.
    next: [],
    /// What does, while its department has it,
    next_routed: [],
    /// while its councillor has it,
    next_private: [],
    /// when it should have been done,
    next_late: [],
    /// and when it is closed.
    next_closed: [],
    /// Their councillor was sent a copy of what went to the department;
    copied: [],
    /// they added something;
    added: [],
    /// by which it was opened again;
    reopened: [],
    /// they said that it is not needed;
    withdrew: [],
    /// that it is done;
    solved: [],
    /// how content they are.
    rated: [],
    /// Heading of what they can do.
    can: [],
    /// Adding something,
    add: [],
    /// what becomes of it,
    add_hint: [],
    /// its words,
    add_words: [],
    /// and the button.
    add_send: [],
    /// It is not needed:
    withdraw: [],
    /// what becomes of it,
    withdraw_hint: [],
    /// and the button.
    withdraw_send: [],
    /// It is done:
    solve: [],
    /// what becomes of it,
    solve_hint: [],
    /// and the button.
    solve_send: [],
    /// How content they are:
    rate: [],
    /// very,
    rate_5: [],
    /// content,
    rate_4: [],
    /// neither,
    rate_3: [],
    /// not,
    rate_2: [],
    /// not at all.
    rate_1: [],
    /// What they say of it,
    rate_words: [],
    /// what becomes of that,
    rate_hint: [],
    /// and the button.
    rate_send: [],
    /// Nothing was added.
    e_nothing: [],
    /// Nothing was chosen.
    e_rate: [],
    /// The page was open for too long.
    e_old: [],
    /// Too much came from there.
    e_busy: ["minutes"],
    /// The database is away.
    e_away: [],
    /// Heading of what was just done.
    thanks: [],
    /// It was added.
    said_added: [],
    /// It is closed.
    said_closed: [],
    /// They hear no more of it; for others it goes on.
    said_left: [],
    /// A person looks at it.
    said_noted: [],
    /// How content they are is written down.
    said_rated: [],
    /// In a mail: where it can be seen how it stands.
    mail_link: ["link"],
    /// In the notice that it is closed: the question how content they are.
    mail_rate: ["link"],
    /// In the notice that it is closed because they said that it is not needed,
    mail_withdrawn: [],
    /// or done.
    mail_solved: [],
}

impl TrailWords {
    /// What is wrong with it: one line.
    pub(super) fn check(&self) -> Result<(), String> {
        self.check_keys()?;
        match [("mail_link", &self.mail_link), ("mail_rate", &self.mail_rate)]
            .iter()
            .find(|(_, t)| !t.contains("{link}"))
        {
            Some((key, _)) => Err(format!("'{key}' must hold the {{link}}")),
            None => Ok(()),
        }
    }
}
