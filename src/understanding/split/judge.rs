//! Which segments are requests of their own.

use super::{Apart, Segment, head};
use crate::core::place::ANOTHER_PLACE_M;
use crate::core::verdict::{Part, Reason};
use crate::core::{Place, Verdict};
use crate::understanding::place::Clues;
use crate::understanding::reading::{Message, Reading, Words};
use crate::understanding::rules::normalise;
use crate::understanding::{Bench, Question, Understanding, priority, reason_of_hit};

/// Services that are said of nearly everything: unless they are announced, they are how somebody feels about their request.
const GENERAL: &[&str] = &["general_enquiry", "council_complaint", "councillor_only", "not_for_us"];
/// Two segments whose services may as well be each other's, with a probability above this, are one request.
const MAY_BE_THE_SAME: f64 = 0.12;

/// What a segment must reach to be a request of its own: the probability of its service in its own words, and in the whole
/// message. What is only mentioned in passing is sure of its service too, but the whole message knows nothing of it. Nothing
/// that a person did not announce begins at a comma or is about how they feel: there story and detail look like requests.
fn least(apart: Apart, service: &str, by_rules_alone: bool) -> (f64, f64) {
    let general = GENERAL.contains(&service);
    match apart {
        // Rules alone never reach the probabilities of the model; what they name and somebody announced is enough.
        Apart::Announced if by_rules_alone => (if general { 0.5 } else { 0.25 }, 0.0),
        _ if by_rules_alone => (f64::INFINITY, 0.0),
        Apart::Announced if general => (0.7, 0.01),
        _ if general => (f64::INFINITY, 0.0),
        Apart::Announced => (0.4, 0.0),
        Apart::Paragraph => (0.75, 0.02),
        Apart::Sentence => (0.8, 0.03),
        Apart::Clause => (f64::INFINITY, 0.0),
    }
}

/// A request in the making: neighbouring segments that belong together.
struct Group {
    part: Part,
    apart: Apart,
    sure: bool,
}

/// Looks for several requests in messages that were judged as one each, and writes what it finds into their verdicts. The
/// segments of all of them go to the encoder at once; where it fails, nothing is split.
pub(in crate::understanding) async fn find(
    judge: &Understanding,
    bench: &Bench<'_>,
    readings: &[Reading<'_>],
    verdicts: &mut [Verdict],
) {
    let segments = readings.iter().flat_map(|reading| &reading.pieces.segments);
    let texts: Vec<String> = segments.map(|segment| segment.words.clone()).collect();
    let mut embeddings: Vec<Option<Vec<f32>>> = vec![None; texts.len()];
    if let Some(encoder) = &judge.encoder {
        let Ok(vectors) = encoder.encode(texts).await else { return };
        embeddings = vectors.into_iter().map(Some).collect();
    }
    let mut embeddings = embeddings.into_iter();
    for (reading, verdict) in readings.iter().zip(verdicts) {
        let own: Vec<Option<Vec<f32>>> = embeddings.by_ref().take(reading.pieces.segments.len()).collect();
        let parts = parts(judge, bench, reading, &own, verdict);
        if parts.len() > 1 {
            let text = format!("This message holds {} requests, so a person decides.", parts.len());
            verdict.reasons.push(Reason::Note { text });
            (verdict.parts, verdict.common) = (parts, reading.pieces.common.clone());
        }
    }
}

/// The separate requests of a message; none where fewer than two are sure.
fn parts(
    judge: &Understanding,
    bench: &Bench<'_>,
    reading: &Reading<'_>,
    embeddings: &[Option<Vec<f32>>],
    whole: &Verdict,
) -> Vec<Part> {
    let (question, pieces) = (reading.question, &reading.pieces);
    if pieces.segments.is_empty() {
        return Vec::new();
    }
    let message = Message { placed: false, ..reading.message() };
    let said = bench.said(message, whole.embedding.as_deref());
    let everything = bench.weigh(message, said.as_ref(), &mut Vec::new());
    let alone = bench.models.is_none();
    let mut groups: Vec<Group> = Vec::new();
    for (n, (segment, embedding)) in pieces.segments.iter().zip(embeddings).enumerate() {
        // What stands at the beginning, before an announcement, is set apart by it as well.
        let next = if n == 0 { pieces.segments[1..].first().map(|next| next.apart) } else { None };
        let counted = pieces.counted && segment.apart != Apart::Clause;
        let apart = if counted || next == Some(Apart::Announced) { Apart::Announced } else { segment.apart };
        let mut group = judge_segment(judge, bench, question, segment, embedding.as_deref());
        let (own, in_whole) = least(apart, &group.part.service, alone || embedding.is_none());
        let known = everything.iter().find(|c| c.service == group.part.service).map_or(0.0, |c| c.probability);
        group.sure = group.part.confidence >= own && known >= in_whole;
        match groups.last_mut() {
            Some(last) if belongs(last, &group) => absorb(last, group),
            _ => groups.push(group),
        }
    }
    let mut parts: Vec<Part> = Vec::new();
    for group in groups.into_iter().filter(|g| g.sure) {
        let same = parts.iter_mut().find(|p| p.service == group.part.service && !elsewhere(p, &group.part));
        match same {
            Some(known) => join_words(known, group.part, "\n\n"),
            None => parts.push(group.part),
        }
    }
    if parts.len() < 2 {
        return Vec::new();
    }
    lend_place(&mut parts, whole.place.as_ref());
    parts
}

fn judge_segment(
    judge: &Understanding,
    bench: &Bench<'_>,
    question: &Question,
    segment: &Segment,
    embedding: Option<&[f32]>,
) -> Group {
    let words = head(&segment.words);
    let plain = normalise(words);
    let hits = bench.rules.hits(&plain);
    let mut reasons = Vec::new();
    let own = Words::of(words.to_owned(), &hits, None);
    let said = bench.said(own.message(), embedding);
    let mut candidates = bench.weigh(own.message(), said.as_ref(), &mut reasons);
    candidates.truncate(5);
    let Question { home_wards, looked_up, .. } = question;
    let located = judge.places.locate(&Clues { text: words, home_wards, looked_up, ..Clues::default() });
    let place = located.places.into_iter().next();
    reasons.extend(hits.iter().map(reason_of_hit));
    reasons.extend(place.as_ref().map(|p| Reason::Place {
        words: p.words.clone(),
        name: p.name.clone(),
        ward: p.ward.clone(),
    }));
    let (service, confidence) =
        candidates.first().map_or_else(Default::default, |c| (c.service.clone(), c.probability));
    let part = Part {
        words: segment.words.clone(),
        confidence,
        candidates,
        priority: priority::weigh(&hits, &plain, question.received, None, None).priority,
        place,
        reasons,
        service,
    };
    Group { sure: false, apart: segment.apart, part }
}

/// Whether a segment is no request of its own beside the one before it.
fn belongs(last: &Group, next: &Group) -> bool {
    if !last.sure || !next.sure {
        return true;
    }
    if last.part.service == next.part.service {
        return next.apart != Apart::Announced || !elsewhere(&last.part, &next.part);
    }
    let may_be = |part: &Part, service: &str| {
        part.candidates.iter().any(|c| c.service == service && c.probability > MAY_BE_THE_SAME)
    };
    may_be(&last.part, &next.part.service) || may_be(&next.part, &last.part.service)
}

/// Puts a segment to the one before it; the surer one says what both are about.
fn absorb(last: &mut Group, next: Group) {
    let between = if next.apart <= Apart::Sentence { " " } else { "\n\n" };
    let leads = next.sure && (!last.sure || next.part.confidence > last.part.confidence);
    if leads {
        let before = std::mem::replace(&mut last.part, next.part);
        last.part.words = format!("{}{between}{}", before.words, last.part.words);
        last.part.priority = last.part.priority.max(before.priority);
        last.part.place = last.part.place.take().or(before.place);
    } else {
        join_words(&mut last.part, next.part, between);
    }
    last.sure |= next.sure;
}

fn join_words(known: &mut Part, more: Part, between: &str) {
    known.words = format!("{}{between}{}", known.words, more.words);
    known.priority = known.priority.max(more.priority);
    known.place = known.place.take().or(more.place);
}

/// Whether two parts name places that are not one.
fn elsewhere(a: &Part, b: &Part) -> bool {
    let far = |a: &Place, b: &Place| a.distance_m(b).is_some_and(|metres| metres > ANOTHER_PLACE_M);
    matches!((&a.place, &b.place), (Some(a), Some(b)) if a.confidence >= 0.6 && b.confidence >= 0.6 && far(a, b))
}

/// A part that names no place is likely to be at the only place the message names; likely is no reason to send it to another
/// ward's department, so the confidence says that it is a guess.
fn lend_place(parts: &mut [Part], named: Option<&Place>) {
    let Some(named) = named else { return };
    if parts.iter().filter_map(|p| p.place.as_ref()).any(|p| p.distance_m(named).is_some_and(|m| m > ANOTHER_PLACE_M)) {
        return;
    }
    for part in parts.iter_mut().filter(|p| p.place.is_none()) {
        part.place = Some(Place { confidence: named.confidence.min(0.5), ..named.clone() });
        part.reasons.push(Reason::Note { text: "The place is named elsewhere in the message.".to_owned() });
    }
}
