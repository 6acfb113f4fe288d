//! What a person does with a case on its way: a note, asking when it will be done, a later day.

use crate::core::CaseId;
use crate::desk::Desk;
use crate::portal::trouble::Trouble;
use crate::routing::deadline::WorkingDays;
use crate::store::Tx;
use serde::Deserialize;

/// Longest note or reason, in characters.
const LONGEST: usize = 4_000;

/// What was decided.
pub(super) enum ProgressAct {
    Note(NoteForm),
    Chase,
    Date(DateForm),
}

/// A note.
#[derive(Deserialize)]
pub(in crate::portal) struct NoteForm {
    #[serde(default)]
    words: String,
    /// `yes` where the department gets it.
    #[serde(default)]
    tell: String,
}

/// A later day.
#[derive(Deserialize)]
pub(in crate::portal) struct DateForm {
    #[serde(default)]
    day: String,
    #[serde(default)]
    why: String,
}

/// Does it; answers the word of what was done.
pub(super) async fn decide(
    desk: &Desk<'_>,
    tx: &mut Tx,
    case: &CaseId,
    act: ProgressAct,
    calendar: &WorkingDays,
    actor: &str,
) -> Result<&'static str, Trouble> {
    match act {
        ProgressAct::Note(NoteForm { words, tell }) => {
            short_enough(&words)?;
            let tell = tell == "yes";
            desk.add_note(tx, case, &words, tell, actor).await?;
            Ok(if tell { "told-department" } else { "noted" })
        }
        ProgressAct::Chase => {
            desk.chase(tx, case, calendar, actor).await?;
            Ok("chased")
        }
        ProgressAct::Date(DateForm { day, why }) => {
            short_enough(&why)?;
            let day = day.trim().parse().map_err(|_| Trouble::bad("Choose the new day, as in 2026-03-31."))?;
            desk.put_off(tx, case, (day, &why), calendar, actor).await?;
            Ok("put-off")
        }
    }
}

fn short_enough(text: &str) -> Result<(), Trouble> {
    if text.chars().count() > LONGEST {
        return Err(Trouble::bad("That is too long: use 4,000 characters at most."));
    }
    Ok(())
}
