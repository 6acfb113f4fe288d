//! The mail by which a department gets a case, as long as it waits: what is decided meanwhile is written into it or stops it, since the
//! department does not know of the case yet.

use super::Desk;
use crate::casework::join;
use crate::core::CaseId;
use crate::store::case::Case;
use crate::store::{self, Tx};

/// What a department may be sent of a case.
const TO_DEPARTMENT: [&str; 5] = ["referral", "addition", "chase", "desk", "campaign"];

impl Desk<'_> {
    /// Stops what nobody has tried to send yet to the department of a case. Whether the department will not hear of the case at all
    /// because of it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn stop_referral(&self, tx: &mut Tx, id: &CaseId, why: &str) -> store::Result<bool> {
        let stopped = store::outbox::stop(tx, id, "referral", why).await?;
        if stopped {
            for purpose in TO_DEPARTMENT {
                store::outbox::stop(tx, id, purpose, why).await?;
            }
        }
        Ok(stopped)
    }

    /// Writes the mail anew as the case stands by now. `false` where it has left, or there is none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn refer_anew(&self, tx: &mut Tx, case: &Case) -> store::Result<bool> {
        let joined = join::all_children(tx, &case.id).await?;
        self.composer.refer_anew(tx, case, &joined).await
    }
}
