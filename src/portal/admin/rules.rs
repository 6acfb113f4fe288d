//! `/admin/rules`: the files of rules. A change is tried on the messages of late before it is saved, and what stood there before is kept, so
//! that it can be gone back to. Whoever administers reads no resident's words, so only references and what beadle decides are shown.

use super::super::set_up::{Kept, Line};
use super::super::wrong::Wrong;
use super::super::{App, Done, Page, Shared, format, html, trouble::Trouble};
use crate::core::Right;
use crate::desk::what_if::{self, WhatIf, WhatIfError};
use crate::store::rule_version::{self, RuleVersion};
use crate::store::{self, session::Session};
use crate::understanding::rules::folder::Folder;
use crate::understanding::rules::{Rules, RulesError};
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The file that says where departments get their cases.
const DEPARTMENTS: &str = "departments.toml";
/// Earlier texts that are offered.
const EARLIER: i64 = 20;
/// Messages in the table of what would differ.
const SHOWN: usize = 100;
/// Lines of a change that are shown of each text.
const LINES: usize = 60;

struct FileRow {
    href: String,
    file: String,
    about: &'static str,
    changed: Option<String>,
}

#[derive(Template)]
#[template(path = "admin_rules.html")]
struct RulesPage {
    page: Page,
    version: String,
    files: Vec<FileRow>,
    /// Why nothing can be changed here.
    locked: Option<String>,
}

struct EarlierRow {
    id: String,
    said: String,
}

#[derive(Template)]
#[template(path = "admin_rule.html")]
struct RulePage {
    page: Page,
    href: String,
    file: String,
    about: &'static str,
    text: String,
    earlier: Vec<EarlierRow>,
    locked: Option<String>,
    wrong: Wrong,
}

/// What is shown of one part of what is decided.
struct Cell {
    label: &'static str,
    before: String,
    /// Where that would differ.
    after: Option<String>,
}

struct DifferenceRow {
    reference: String,
    came: String,
    cells: [Cell; 4],
}

#[derive(Template)]
#[template(path = "admin_rule_preview.html")]
struct PreviewPage {
    page: Page,
    href: String,
    file: String,
    /// Where the way back leads.
    back: String,
    looked_at: usize,
    days: i64,
    more: bool,
    most: i64,
    differs: usize,
    /// Of these, those that may be named.
    listed: usize,
    counts: Vec<String>,
    safety: Vec<String>,
    rows: Vec<DifferenceRow>,
    /// Whether a row leads to its case.
    opens: bool,
    /// The lines that are replaced, and those instead.
    lines: (Vec<String>, Vec<String>),
    /// Departments whose address was set up otherwise until now, each in a sentence.
    readdressed: Vec<String>,
    addressed: String,
    text: String,
    seal: String,
    locked: Option<String>,
}

/// A change of a file.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// What is to stand in it.
    pub(super) text: String,
    /// The department whose address is changed by it, also where the file has that address already; empty for none.
    pub(super) addressed: String,
}

impl Change {
    /// Of nothing but the text.
    pub(super) const fn of(text: String) -> Self {
        Self { text, addressed: String::new() }
    }
}

/// A file of the folder.
pub(super) struct File {
    folder: Folder,
    pub(super) path: String,
    pub(super) text: String,
}

/// What stands in a file's address: its path without what all of them have.
fn key(path: &str) -> String {
    path.trim_end_matches(".toml").replace('/', "-")
}

fn href(path: &str) -> String {
    format!("/admin/rules/{}", key(path))
}

fn about(path: &str) -> &'static str {
    match path {
        "services.toml" => "What a message can be about: names, descriptions, departments, target days",
        "departments.toml" => "Who gets the work, and exceptions by ward",
        "priority.toml" => "What makes a message more pressing",
        "safeguarding.toml" => "What points to somebody in danger",
        _ => "Words and patterns that point to services",
    }
}

pub(super) fn folder(app: &Shared) -> Result<&Folder, Trouble> {
    let missing = "This portal was started without a folder of rules, so they cannot be seen or changed here.";
    app.portal.rules.as_ref().ok_or_else(|| Trouble::not_found(missing).back_to("/more", "Go back"))
}

impl File {
    /// The file of this key, which has to be one of the folder's.
    fn of_key(app: &Shared, wanted: &str) -> Result<Self, Trouble> {
        let folder = folder(app)?;
        let found = folder.files().into_iter().find(|path| key(path) == wanted);
        let missing =
            || Trouble::not_found("There is no such file of rules.").back_to("/admin/rules", "Go to the rules");
        Self::read(folder, found.ok_or_else(missing)?)
    }

    /// The file at this path of the folder.
    pub(super) fn at(app: &Shared, path: &str) -> Result<Self, Trouble> {
        Self::read(folder(app)?, path.to_owned())
    }

    fn read(folder: &Folder, path: String) -> Result<Self, Trouble> {
        let text = folder.read(&path).map_err(|error| {
            tracing::error!(%error, path, "a file of rules cannot be read");
            Trouble::internal()
        })?;
        Ok(Self { folder: folder.clone(), path, text })
    }

    /// Ties a change to who previewed it and to what it replaces.
    fn seal(&self, app: &Shared, session: &Session, change: &Change) -> String {
        let Change { text, addressed } = change;
        let what = format!("{}\0{}\0{}\0{addressed}\0{text}", session.user, self.path, self.text);
        app.portal.pipeline.house.key.digest("change of rules", &what)
    }

    /// The departments for which this change says where their cases go, and the set-up said it before: what is saved last holds.
    fn readdressed(&self, app: &Shared, change: &Change) -> BTreeSet<String> {
        let Some(set_up) = &app.portal.set_up else { return BTreeSet::new() };
        let (before, after) = (addresses(&self.text), addresses(&change.text));
        let mut departments: BTreeSet<String> = set_up.standing.kept.rules.addresses.keys().cloned().collect();
        departments
            .retain(|id| *id == change.addressed || (self.path == DEPARTMENTS && before.get(id) != after.get(id)));
        departments
    }

    /// The rules as they would be with this change.
    async fn with(&self, app: &Shared, change: &Change) -> Result<Result<Rules, RulesError>, Trouble> {
        let folder = self.folder.clone().with_addresses_of_files(&self.readdressed(app, change));
        let (path, text) = (self.path.clone(), change.text.clone());
        let tried = tokio::task::spawn_blocking(move || folder.with(&path, &text)).await;
        tried.map_err(|error| {
            tracing::error!(%error, "changed rules could not be tried");
            Trouble::internal()
        })
    }
}

/// The addresses of departments that stand in the text of their file, by key.
fn addresses(text: &str) -> BTreeMap<String, String> {
    let table: toml::Table = text.parse().unwrap_or_default();
    let departments = table.get("department").and_then(toml::Value::as_array).into_iter().flatten();
    let text = |department: &toml::Value, key: &str| department.get(key)?.as_str().map(str::to_owned);
    departments.filter_map(|one| Some((text(one, "id")?, text(one, "email")?))).collect()
}

/// Why files cannot be changed, in a sentence.
fn locked(folder: &Folder) -> Option<String> {
    let why = folder.check_writable().err()?;
    Some(format!(
        "The folder {} cannot be changed from here: {why}. Change its files where they are kept.",
        folder.root().display()
    ))
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let changed = rule_version::newest(&mut tx).await?;
    drop(tx);
    let last = |path: &str| changed.iter().find(|one| one.file == path).map(said);
    let (files, locked) = match &app.portal.rules {
        Some(folder) => (folder.files(), locked(folder)),
        None => (Vec::new(), Some("This portal was started without a folder of rules.".to_owned())),
    };
    let row = |path: String| FileRow { href: href(&path), about: about(&path), changed: last(&path), file: path };
    let page = RulesPage {
        page: Page::new(&app, &session, "admin/rules", "Rules").with_notice(done.done.as_deref()),
        version: app.portal.pipeline.understanding.rules().version.clone(),
        files: files.into_iter().map(row).collect(),
        locked,
    };
    Ok(html(&page)?.into_response())
}

fn said(version: &RuleVersion) -> String {
    format!("{}, by {}", format::when(version.replaced_at), version.replaced_by)
}

pub(in super::super) async fn one(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(file): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let file = File::of_key(&app, &file)?;
    let text = file.text.clone();
    draw(&app, &session, &file, text, done.done.as_deref(), None).await
}

async fn draw(
    app: &App,
    session: &Session,
    file: &File,
    text: String,
    done: Option<&str>,
    wrong: Option<String>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let earlier = rule_version::of_file(&mut tx, &file.path, EARLIER).await?;
    drop(tx);
    let wrong = Wrong(wrong.map(|text| ("text", text)));
    let page = RulePage {
        page: Page::new(app, session, "rule", wrong.title(&file.path)).with_notice(done),
        href: href(&file.path),
        about: about(&file.path),
        earlier: earlier.into_iter().map(|one| EarlierRow { said: said(&one), id: one.id }).collect(),
        locked: locked(&file.folder),
        file: file.path.clone(),
        text,
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

#[derive(Deserialize)]
pub(in super::super) struct Changed {
    #[serde(default)]
    text: String,
    #[serde(default)]
    addressed: String,
    #[serde(default)]
    seal: String,
    #[serde(default)]
    version: String,
}

impl Changed {
    fn text(&self) -> String {
        as_kept(&self.text)
    }
}

pub(in super::super) async fn try_out(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(file): Path<String>,
    Form(form): Form<Changed>,
) -> Result<Response, Trouble> {
    let file = File::of_key(&app, &file)?;
    let back = href(&file.path);
    match preview(&app, &session, &file, Change::of(form.text()), back).await? {
        Ok(page) => Ok(page),
        Err(why) => draw(&app, &session, &file, form.text(), None, Some(why)).await,
    }
}

/// Going back is a change to what stood there before, so it is tried first like any other.
pub(in super::super) async fn back(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(file): Path<String>,
    Form(form): Form<Changed>,
) -> Result<Response, Trouble> {
    let file = File::of_key(&app, &file)?;
    let back = href(&file.path);
    let mut tx = app.db().read().await?;
    let text = rule_version::text(&mut tx, &form.version, &file.path).await?;
    drop(tx);
    let missing = || Trouble::not_found("There is no such earlier text.").back_to(&back, "Go back to the file");
    let text = text.ok_or_else(missing)?;
    match preview(&app, &session, &file, Change::of(text.clone()), back.clone()).await? {
        Ok(page) => Ok(page),
        Err(why) => draw(&app, &session, &file, text, None, Some(why)).await,
    }
}

/// A text as it is kept: with the line ends that files have, where browsers send others, and an end to its last line. What is previewed and
/// what is saved have to be the same.
fn as_kept(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" }
}

/// The page of what a change would have done; what is wrong with the change, where something is.
pub(super) async fn preview(
    app: &App,
    session: &Session,
    file: &File,
    change: Change,
    back: String,
) -> Result<Result<Response, String>, Trouble> {
    // An earlier text, or a file that was written elsewhere, may have other line ends.
    let change = Change { text: as_kept(&change.text), ..change };
    let readdressed = file.readdressed(app, &change);
    if change.text == file.text && readdressed.is_empty() {
        return Ok(Err("Nothing is different. Change something first.".to_owned()));
    }
    let rules = match file.with(app, &change).await? {
        Ok(rules) => Arc::new(rules),
        Err(error) => return Ok(Err(format!("This cannot be used. {error}"))),
    };
    let pipeline = &app.portal.pipeline;
    let policy = &pipeline.house.policy;
    let tried = what_if::what_if(&pipeline.db, &pipeline.understanding, Arc::clone(&rules), policy, app.now()).await;
    let found = match tried {
        Ok(found) => found,
        Err(WhatIfError::Store(error)) => return Err(error.into()),
        // Without a preview there is no seal, and so nothing to save.
        Err(WhatIfError::Judging) => {
            let why =
                "This could not be tried on the messages of late, because of a fault in beadle. Nothing was changed.";
            return Ok(Err(why.to_owned()));
        }
    };
    let mut tx = app.db().begin().await?;
    let (action, object) = ("preview rules", format!("rules:{}", file.path));
    let detail = json!({"looked_at": found.looked_at, "differ": found.differ()});
    store::audit::write(&mut tx, app.ids(), &session.actor, action, &object, detail, app.now()).await?;
    tx.commit().await?;
    let page = PreviewPage {
        page: Page::new(app, session, "rule", format!("What would change: {}", file.path)),
        href: href(&file.path),
        file: file.path.clone(),
        back,
        looked_at: found.looked_at,
        days: what_if::DAYS,
        more: found.more,
        most: what_if::MOST,
        differs: found.differ(),
        listed: found.differences.len(),
        counts: counts(&found),
        safety: safety(&found),
        rows: found.differences.iter().take(SHOWN).map(row).collect(),
        opens: session.holds(Right::Cases),
        lines: changed_lines(&file.text, &change.text),
        readdressed: readdressed.iter().map(|id| readdressed_in_words(&rules, app, id)).collect(),
        seal: file.seal(app, session, &change),
        locked: locked(&file.folder),
        addressed: change.addressed,
        text: change.text,
    };
    Ok(Ok(html(&page)?.into_response()))
}

fn readdressed_in_words(rules: &Rules, app: &Shared, department: &str) -> String {
    let before = app.portal.pipeline.understanding.rules();
    let address =
        |rules: &Rules| rules.taxonomy.departments.get(department).map(|d| d.email.clone()).unwrap_or_default();
    let name = before.taxonomy.department_name(department);
    format!(
        "Cases of {name} go to {} from then on, and no longer to {}, as it was set up.",
        address(rules),
        address(&before)
    )
}

fn row(one: &what_if::Difference) -> DifferenceRow {
    let (a, b) = (&one.before, &one.after);
    let cell = |label, before: &str, after: &str| Cell {
        label,
        before: before.to_owned(),
        after: (before != after).then(|| after.to_owned()),
    };
    DifferenceRow {
        reference: one.reference.to_string(),
        came: format::date(one.received_at),
        cells: [
            cell("Service", &a.service_name, &b.service_name),
            cell("Priority", a.priority.label(), b.priority.label()),
            cell("Department", &a.department_name, &b.department_name),
            cell("What becomes of it", a.disposition.label(), b.disposition.label()),
        ],
    }
}

/// How many would differ in what, in words.
fn counts(found: &WhatIf) -> Vec<String> {
    let count = |differs: fn(&what_if::Difference) -> bool| found.differences.iter().filter(|one| differs(one)).count();
    let said = [
        (count(|d| d.before.service != d.after.service), "another service"),
        (count(|d| d.before.priority != d.after.priority), "another priority"),
        (count(|d| d.before.department != d.after.department), "another department"),
        (count(|d| d.before.disposition != d.after.disposition), "something else done with it"),
    ];
    said.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} with {what}")).collect()
}

fn safety(found: &WhatIf) -> Vec<String> {
    let messages = |n: usize| format::count(i64::try_from(n).unwrap_or(i64::MAX), "message", "messages");
    let (more, fewer) = (found.newly_safeguarding, found.no_longer_safeguarding);
    let more = (more > 0).then(|| format!("{} more would be held because somebody may be in danger.", messages(more)));
    let fewer =
        (fewer > 0).then(|| format!("{} would no longer be held because somebody may be in danger.", messages(fewer)));
    let unlisted = found.differs_unlisted;
    let otherwise = (unlisted > 0)
        .then(|| format!("{} where somebody may be in danger would come out otherwise, too.", messages(unlisted)));
    more.into_iter().chain(fewer).chain(otherwise).collect()
}

/// The lines of each text that the other one lacks, between the first and the last that differ.
fn changed_lines(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let (a, b): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let head = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[head..a.len() - tail], &b[head..b.len() - tail]);
    let (taken, put) = (lacking(a, b), lacking(b, a));
    // Where lines only changed places, all of them are shown.
    if taken.is_empty() && put.is_empty() { (cut(a), cut(b)) } else { (cut(&taken), cut(&put)) }
}

/// The lines that are not in `other`, each as often as it is more there.
fn lacking<'a>(lines: &[&'a str], other: &[&str]) -> Vec<&'a str> {
    let mut there: BTreeMap<&str, usize> = BTreeMap::new();
    for line in other {
        *there.entry(line).or_default() += 1;
    }
    let mut lacks = |line: &&&str| match there.get_mut(**line) {
        Some(n) if *n > 0 => {
            *n -= 1;
            false
        }
        _ => true,
    };
    lines.iter().filter(|line| lacks(line)).copied().collect()
}

fn cut(lines: &[&str]) -> Vec<String> {
    let more = (lines.len() > LINES).then(|| format!("… and {} more lines", lines.len() - LINES));
    lines.iter().take(LINES).map(|line| (*line).to_owned()).chain(more).collect()
}

/// Saves what was just previewed, and nothing else. It goes on where the browser goes away meanwhile: part of it would be worse than all.
pub(in super::super) async fn save(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(file): Path<String>,
    Form(form): Form<Changed>,
) -> Result<Response, Trouble> {
    tokio::spawn(save_whole(app, session, file, form)).await.map_err(|error| {
        tracing::error!(%error, "a file of rules could not be saved");
        Trouble::internal()
    })?
}

async fn save_whole(app: App, session: Session, file: String, form: Changed) -> Result<Response, Trouble> {
    let file = File::of_key(&app, &file)?;
    let (text, back) = (form.text(), href(&file.path));
    let change = Change { text: text.clone(), addressed: form.addressed };
    let readdressed = file.readdressed(&app, &change);
    let changed = || {
        let why = "This is not what was previewed, or somebody changed the file meanwhile. Nothing was saved. Look at the file and \
                   preview your change again.";
        Trouble::conflict(why).back_to(back.clone(), "Go back to the file")
    };
    if !super::super::auth::same(&form.seal, &file.seal(&app, &session, &change)) {
        return Err(changed());
    }
    let mut tx = app.db().begin().await?;
    rule_version::one_at_a_time(&mut tx, &file.path).await?;
    // Somebody else may have saved theirs while we waited: then this was previewed against what does not stand there any more.
    if File::at(&app, &file.path)?.text != file.text {
        return Err(changed());
    }
    // Put together only now: another file of the folder may have been saved while we waited, too.
    let rules = match file.with(&app, &change).await? {
        Ok(rules) => rules,
        Err(error) => {
            drop(tx);
            return draw(&app, &session, &file, text, None, Some(format!("This cannot be used. {error}"))).await;
        }
    };
    let before = app.portal.pipeline.understanding.rules().version.clone();
    rule_version::keep(&mut tx, app.ids(), &file.path, &file.text, &session.actor, app.now()).await?;
    let detail = json!({"rules_before": before, "rules_after": rules.version});
    let object = format!("rules:{}", file.path);
    store::audit::write(&mut tx, app.ids(), &session.actor, "change rules", &object, detail, app.now()).await?;
    // Written before the commit: a file without a trail would be worse than a trail that is taken back.
    let write = |text: String| {
        let (folder, path) = (file.folder.clone(), file.path.clone());
        tokio::task::spawn_blocking(move || folder.write(&path, &text))
    };
    match write(text).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let why = format!("The file could not be written ({error}), so nothing was changed.");
            return Err(Trouble::conflict(why).back_to(back, "Go back to the file"));
        }
        Err(error) => {
            tracing::error!(%error, "a file of rules could not be written");
            return Err(Trouble::internal());
        }
    }
    if let Err(error) = tx.commit().await {
        if !matches!(write(file.text.clone()).await, Ok(Ok(()))) {
            tracing::error!(file = file.path, "a changed file of rules is in force without a line on the audit trail");
        }
        return Err(error.into());
    }
    app.portal.pipeline.understanding.replace_rules(rules);
    if let Some(set_up) = app.portal.set_up.as_ref().filter(|_| !readdressed.is_empty()) {
        let line = Line {
            actor: session.actor,
            action: "use addresses of departments.toml",
            part: "services",
            detail: json!({ "departments": readdressed }),
        };
        let change = move |kept: &mut Kept| kept.rules.addresses.retain(|id, _| !readdressed.contains(id));
        set_up.wish(line, change).await.map_err(|why| {
            let text = format!(
                "The file is saved, but the address under “Set up” still holds: {why} Save the department once more."
            );
            Trouble::conflict(text).back_to("/admin/departments", "Go to the departments")
        })?;
    }
    Ok(Redirect::to(&format!("{back}?done=rules-saved")).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_that_differ_are_shown() {
        let (before, after) = changed_lines("a\nb\nc\nd\n", "a\nx\ny\nd\n");
        assert_eq!((before, after), (vec!["b".to_owned(), "c".to_owned()], vec!["x".to_owned(), "y".to_owned()]));
        let (before, after) = changed_lines("a\nb\nc\nd\n", "a\nx\nc\ny\n");
        assert_eq!((before, after), (vec!["b".to_owned(), "d".to_owned()], vec!["x".to_owned(), "y".to_owned()]));
        let (before, after) = changed_lines("a\na\n", "a\na\na\n");
        assert_eq!((before.len(), after), (0, vec!["a".to_owned()]));
    }
}
