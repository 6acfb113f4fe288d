//! The private page of a case, as far as mails speak of it: the link to it, the question how content its resident is, and what
//! others are told of what the resident did there.

use super::closing::Ending;
use super::compose::{Acknowledged, Composer, consent_of};
use crate::store::case::Case;
use crate::store::outbox::OutMail;
use crate::store::{self, Tx};
use crate::understanding::reply::{embed, fill};
use chrono::{DateTime, Utc};

/// What the seal in a private link is for. Its text is the name of a report's delivery, or [`of_case`].
pub const TRAIL: &str = "trail";
/// What stands before the id of a case in a seal.
const CASE: &str = "case-";

/// The text of a seal that leads to a case.
fn of_case(case: &Case) -> String {
    format!("{CASE}{}", case.id)
}

/// The case that the text of a seal leads to, where it names one.
#[must_use]
pub fn case_of(text: &str) -> Option<&str> {
    text.strip_prefix(CASE)
}

impl Composer<'_> {
    /// The private page of a case; none where residents reach no pages of ours. It shows no words and no name, so that a link which
    /// falls into other hands tells them little.
    #[must_use]
    pub fn trail_link(&self, case: &Case, language: &str) -> Option<String> {
        let url = self.council.public_url.as_ref()?;
        Some(format!("{url}/trail/{}?lang={language}", self.key.seal(TRAIL, &of_case(case))))
    }

    /// What an acknowledgement says of that page.
    pub(super) fn trail_line(&self, case: &Case, language: &str) -> Option<String> {
        let link = self.trail_link(case, language)?;
        let (_, form) = self.rules.form_words(language);
        Some(fill(&form.trail_page.mail_link, &[("link", embed(&link, language))]))
    }

    /// The question how content the resident of a case is, the first time that they are told of its end.
    ///
    /// # Errors
    /// What the database says.
    pub(super) async fn rate_line(&self, tx: &mut Tx, case: &Case) -> store::Result<Option<String>> {
        let (language, _) = self.rules.closed_reply(&case.language);
        let Some(link) = self.trail_link(case, language) else { return Ok(None) };
        let asked = store::outbox::of_case(tx, &case.id).await?;
        let asked = asked.iter().any(|o| o.purpose == "closing" && o.status != "cancelled");
        if asked || store::trail::rating(tx, &case.id).await?.is_some() {
            return Ok(None);
        }
        let (_, form) = self.rules.form_words(language);
        Ok(Some(fill(&form.trail_page.mail_rate, &[("link", embed(&link, language))])))
    }

    /// Tells the resident that their case is closed as they said: done (`solved`), or not needed any more.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_ended(
        &self,
        tx: &mut Tx,
        case: &Case,
        solved: bool,
        now: DateTime<Utc>,
    ) -> store::Result<Acknowledged> {
        let (language, _) = self.rules.closed_reply(&case.language);
        let (_, form) = self.rules.form_words(language);
        let page = &form.trail_page;
        let words = if solved { &page.mail_solved } else { &page.mail_withdrawn };
        self.tell_closed(tx, case, Ending { done: false, words }, now).await
    }

    /// Tells the department that has a case, and its councillors as the resident allows, that the resident needs no more (`solved`:
    /// because it is done); of a case that is for the councillor only, the councillor. One mail, once for each time it is closed.
    /// `false` when there is nobody to tell.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell_withdrawn(
        &self,
        tx: &mut Tx,
        case: &Case,
        solved: bool,
        now: DateTime<Utc>,
    ) -> store::Result<bool> {
        let said = if solved { "that it is solved" } else { "that it is not needed any more" };
        let key = format!("withdrawal:{}:{}", case.id, case.closed_at.unwrap_or(now).timestamp_millis());
        let subject = format!("Case {}: the resident says {said}", case.reference);
        let body = format!(
            "The resident of case {} says {said}. The case is closed, and nothing more has to be done for them.\n\n\
             Answer this mail if the work goes on all the same, or if you know otherwise.\n",
            case.reference,
        );
        if consent_of(case).is_private() {
            let councillor = case.councillor.as_deref().and_then(|id| self.council.councillor(id));
            let Some(councillor) = councillor else { return Ok(false) };
            return self.write_to_councillor(tx, case, councillor, &subject, body, &key, now).await;
        }
        let Some(department) = self.rules.taxonomy.departments.get(&case.department) else { return Ok(false) };
        let told = store::outbox::of_case(tx, &case.id).await?;
        let earlier = told.iter().rfind(|o| o.purpose == "referral").map(|o| o.rfc_message_id.clone());
        let mail = OutMail {
            subject,
            body,
            in_reply_to: earlier.clone(),
            references: earlier.into_iter().collect(),
            ..self.departmental_mail(tx, case, department).await?
        };
        self.queue_for_department(tx, case, "withdrawal", &key, mail, &department.email.to_lowercase(), now).await
    }
}
