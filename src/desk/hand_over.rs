//! A councillor leaves, or wards are drawn anew: their open cases go to somebody else, each with a line of its own on the trail.

use super::{Desk, DeskError};
use crate::core::CaseId;
use crate::store::case::Case;
use crate::store::{self, Tx};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// In which ward a case lies, as wards are now.
pub type WardOf<'a> = &'a (dyn Fn(&Case) -> Option<String> + Sync);

/// What is to be handed over.
#[derive(Clone, Copy)]
pub enum HandOver<'a> {
    /// A councillor's open cases, to another one.
    To(&'a str, &'a str),
    /// A councillor's open cases, each to the councillor of its ward; where there is none, to nobody, and gatekeepers look after it.
    ToWards(&'a str, WardOf<'a>),
    /// Everybody's open cases, each to the councillor of its ward where there is one and it is another, but for those whose resident wrote to
    /// the councillor who has it.
    AllToWards(WardOf<'a>),
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandedOver {
    /// How many each councillor got, by key.
    pub given: BTreeMap<String, usize>,
    /// How many are nobody's now.
    pub nobodys: usize,
    /// How many lie in another ward now and are still the same councillor's.
    pub wards: usize,
    /// Which.
    pub cases: BTreeSet<CaseId>,
}

impl Desk<'_> {
    /// Hands open cases over. What is for one councillor only stays theirs: nobody else was meant to read it. Whoever gets some is told how
    /// many in one mail.
    ///
    /// # Errors
    /// When there is no such councillor to give them to, or it is the same one.
    pub async fn hand_over(&self, tx: &mut Tx, what: HandOver<'_>, actor: &str) -> Result<HandedOver, DeskError> {
        let council = self.composer.council;
        let from: Vec<String> = match what {
            HandOver::To(from, to) => {
                council.councillor(to).ok_or(DeskError::Unknown("councillor"))?;
                if from == to {
                    return Err(DeskError::NotNow("these cases are this councillor's already"));
                }
                vec![from.to_owned()]
            }
            HandOver::ToWards(from, _) => vec![from.to_owned()],
            HandOver::AllToWards(_) => {
                store::hand_over::open(tx).await?.into_iter().map(|open| open.councillor).collect()
            }
        };
        let mut done = HandedOver::default();
        for from in &from {
            let mut given: BTreeMap<String, usize> = BTreeMap::new();
            // Looked up before any is changed: what one got just now is not handed on to a third.
            for id in store::hand_over::of(tx, from).await? {
                let Some(mut case) = store::case::get_to_change(tx, &id).await? else { continue };
                if case.councillor.as_ref() != Some(from) || done.cases.contains(&id) {
                    continue;
                }
                let ward = match what {
                    HandOver::To(..) => case.ward.clone(),
                    HandOver::ToWards(_, ward_of) | HandOver::AllToWards(ward_of) => ward_of(&case),
                };
                let of_ward = ward.as_deref().and_then(|ward| council.councillor_of_ward(ward)).map(|c| c.id.clone());
                let new = match what {
                    HandOver::To(_, to) => Some(to.to_owned()),
                    HandOver::ToWards(..) => of_ward,
                    HandOver::AllToWards(_) => {
                        let written_to = store::message::councillors_of_case(tx, &id).await?;
                        if of_ward.is_none() || written_to.contains(from) { Some(from.clone()) } else { of_ward }
                    }
                };
                if new.as_ref() == Some(from) && ward == case.ward {
                    continue;
                }
                let before = json!({"councillor": case.councillor, "ward": case.ward});
                if let Some(place) = &mut case.place {
                    place.0.ward.clone_from(&ward);
                }
                case.ward = ward;
                case.councillor.clone_from(&new);
                store::case::update(tx, &case, self.now).await?;
                let decided = json!({"councillor": case.councillor, "ward": case.ward, "before": before});
                self.note(tx, &case, "hand_over", actor, decided).await?;
                match new {
                    Some(key) if key == *from => done.wards += 1,
                    Some(key) => *given.entry(key).or_default() += 1,
                    None => done.nobodys += 1,
                }
                done.cases.insert(id);
            }
            let name = council.councillor(from).map_or(from.as_str(), |councillor| &councillor.name);
            for (key, cases) in given {
                if let Some(councillor) = council.councillor(&key) {
                    self.composer.tell_of_hand_over(tx, councillor, name, cases, self.now).await?;
                }
                *done.given.entry(key).or_default() += cases;
            }
        }
        Ok(done)
    }
}
