//! `/admin/people`: who has an account, what they are, and for whom. Nobody's password is known here: whoever is new, or has lost
//! theirs, gets a link with which they set one.

use super::super::wrong::Wrong;
use super::super::{App, Done, Page, format, html, invitation, trouble::Trouble};
use super::said;
use crate::core::{Council, Role, UserId};
use crate::store::user::{Given, NewGrant, User};
use crate::store::{self, Tx, session::Session};
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Europe::London;
use serde::Deserialize;
use serde_json::json;

/// Longest user name, in characters.
const LONGEST_NAME: usize = 60;
/// Longest name at the provider of sign-ons.
const LONGEST_SIGN_ON: usize = 200;

struct PersonRow {
    id: String,
    user_name: String,
    name: String,
    roles: Vec<String>,
    note: Option<&'static str>,
    ended: bool,
}

#[derive(Template)]
#[template(path = "admin_people.html")]
struct PeoplePage {
    page: Page,
    people: Vec<PersonRow>,
    councillors: Vec<(String, String)>,
    /// What the provider of sign-ons is called, where there is one.
    provider: Option<String>,
    /// Whether they get a link for a password.
    passwords: bool,
    given: NewPerson,
    wrong: Wrong,
}

struct RoleRow {
    id: String,
    said: String,
    since: String,
    until: Option<String>,
}

#[derive(Template)]
#[template(path = "admin_person.html")]
struct PersonPage {
    page: Page,
    id: String,
    name: String,
    user_name: String,
    /// What the provider of sign-ons is called, where there is one.
    provider: Option<String>,
    /// What the provider calls them.
    signs_on_as: String,
    /// Since when it knows them.
    signed_on: Option<String>,
    /// Whether a link for a password is of any use.
    may_have_password: bool,
    ended: Option<String>,
    has_password: bool,
    has_factor: bool,
    own: bool,
    roles: Vec<RoleRow>,
    councillors: Vec<(String, String)>,
    /// A link that was just made: the only time it is shown.
    link: Option<String>,
    wrong: Wrong,
}

fn councillors(council: &Council) -> Vec<(String, String)> {
    council.councillors.iter().map(|councillor| (councillor.id.clone(), councillor.name.clone())).collect()
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    draw(&app, &session, done.done.as_deref(), NewPerson::default(), None).await
}

async fn draw(
    app: &App,
    session: &Session,
    done: Option<&str>,
    given: NewPerson,
    wrong: Option<(&'static str, String)>,
) -> Result<Response, Trouble> {
    let council = &app.portal.pipeline.house.council;
    let mut tx = app.db().read().await?;
    let users = store::user::all(&mut tx).await?;
    let grants = store::user::given(&mut tx, None, app.now()).await?;
    drop(tx);
    let row = |user: User| PersonRow {
        roles: grants.iter().filter(|g| g.user_id == user.id).map(|g| said(council, &g.grant())).collect(),
        note: if user.password.is_none() && user.signs_on_as.is_none() { Some("No password yet") } else { None },
        ended: user.ended_at.is_some(),
        id: user.id.to_string(),
        user_name: user.user_name,
        name: user.name,
    };
    let wrong = Wrong(wrong);
    let page = PeoplePage {
        page: Page::new(app, session, "admin/people", wrong.title("People")).with_notice(done),
        people: users.into_iter().map(row).collect(),
        councillors: councillors(council),
        provider: provider(app),
        passwords: app.portal.passwords,
        given,
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

#[derive(Default, Deserialize)]
pub(in super::super) struct NewPerson {
    #[serde(default)]
    user_name: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    signs_on_as: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    councillor: String,
}

/// What the provider of sign-ons is called.
fn provider(app: &App) -> Option<String> {
    app.portal.sign_on.as_ref().map(|provider| provider.name().to_owned())
}

/// What the provider calls somebody, as it is compared; none where nothing was entered.
fn sign_on_name(text: &str) -> Result<Option<String>, (&'static str, String)> {
    let name = text.trim().to_lowercase();
    if name.chars().count() > LONGEST_SIGN_ON || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let why = "Enter the name that the provider gives them, without spaces, such as joan.harrow@council.example.";
        return Err(("signs_on_as", why.to_owned()));
    }
    Ok(Some(name).filter(|name| !name.is_empty()))
}

/// A role as a form names it, with whom it is for.
fn role(council: &Council, role: &str, councillor: &str) -> Result<(Role, Option<String>), (&'static str, String)> {
    let role: Role = role.parse().map_err(|_| ("role", "Choose a role.".to_owned()))?;
    let councillor = Some(councillor.to_owned()).filter(|key| !key.is_empty());
    if councillor.as_deref().is_some_and(|key| council.councillor(key).is_none()) {
        return Err(("councillor", "There is no such councillor.".to_owned()));
    }
    match role {
        Role::Councillor if councillor.is_none() => Err(("councillor", "Choose which councillor they are.".to_owned())),
        Role::Administrator => Ok((role, None)),
        _ => Ok((role, councillor)),
    }
}

pub(in super::super) async fn add(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(form): Form<NewPerson>,
) -> Result<Response, Trouble> {
    let council = &app.portal.pipeline.house.council;
    let user_name = form.user_name.trim().to_lowercase();
    let name = form.name.trim().to_owned();
    let wrong = if name.is_empty() || name.chars().count() > LONGEST_NAME {
        Some(("name", "Enter their name, in up to 60 characters.".to_owned()))
    } else if !is_user_name(&user_name) {
        let why = "Enter a user name of 3 to 60 letters, digits, dots and hyphens, such as j.harrow.";
        Some(("user_name", why.to_owned()))
    } else {
        None
    };
    if wrong.is_some() {
        return draw(&app, &session, None, form, wrong).await;
    }
    let (role, councillor) = match role(council, &form.role, &form.councillor) {
        Ok(found) => found,
        Err(wrong) => return draw(&app, &session, None, form, Some(wrong)).await,
    };
    let signs_on_as = match sign_on_name(&form.signs_on_as) {
        Ok(found) => found,
        Err(wrong) => return draw(&app, &session, None, form, Some(wrong)).await,
    };
    let id: UserId = app.ids().next();
    let mut tx = app.db().begin().await?;
    if !store::user::insert(&mut tx, &id, &user_name, &name, None, app.now()).await? {
        drop(tx);
        let wrong = ("user_name", "This user name is taken. Choose another.".to_owned());
        return draw(&app, &session, None, form, Some(wrong)).await;
    }
    let new = NewGrant { user: &id, role, councillor: councillor.as_deref(), until: None, by: &session.actor };
    store::user::give(&mut tx, app.ids(), new, app.now()).await?;
    if signs_on_as.is_some() && !store::user::set_signs_on_as(&mut tx, &id, signs_on_as.as_deref()).await? {
        drop(tx);
        return draw(&app, &session, None, form, Some(("signs_on_as", TAKEN.to_owned()))).await;
    }
    let link = match app.has_password(&user_name) {
        true => Some(invitation::make(&mut tx, &app, &id).await?),
        false => None,
    };
    let detail = json!({"role": role, "councillor": councillor, "signs_on_as": signs_on_as});
    audit(&mut tx, &app, &session, "add person", &id, detail).await?;
    tx.commit().await?;
    one_page(&app, &session, &id, None, link, None).await
}

/// Two people are never one at the provider.
const TAKEN: &str = "Somebody else signs on by this name. Check it.";

/// What a user name may be: it stands in decisions and on the audit trail.
pub(in super::super) fn is_user_name(text: &str) -> bool {
    (3..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_' | b'@'))
        && !matches!(text, "beadle" | "nobody" | "resident")
}

async fn audit(
    tx: &mut Tx,
    app: &App,
    session: &Session,
    action: &str,
    user: &UserId,
    detail: serde_json::Value,
) -> store::Result<()> {
    store::audit::write(tx, app.ids(), &session.actor, action, &format!("user:{user}"), detail, app.now()).await
}

async fn find(tx: &mut Tx, id: &UserId) -> Result<User, Trouble> {
    let missing = || Trouble::not_found("There is no such account.").back_to("/admin/people", "Go to the people");
    store::user::get(tx, id).await?.ok_or_else(missing)
}

pub(in super::super) async fn one(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(user): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    one_page(&app, &session, &user.into(), done.done.as_deref(), None, None).await
}

async fn one_page(
    app: &App,
    session: &Session,
    id: &UserId,
    done: Option<&str>,
    link: Option<String>,
    wrong: Option<(&'static str, String)>,
) -> Result<Response, Trouble> {
    let council = &app.portal.pipeline.house.council;
    let mut tx = app.db().read().await?;
    let user = find(&mut tx, id).await?;
    let given = store::user::given(&mut tx, Some(id), app.now()).await?;
    let linked = store::user::linked(&mut tx, id).await?;
    drop(tx);
    let row = |one: Given| RoleRow {
        said: said(council, &one.grant()),
        since: format!("{}, by {}", format::when(one.given_at), one.given_by),
        until: one.until_at.map(|until| format::date(until - TimeDelta::seconds(1))),
        id: one.id,
    };
    let wrong = Wrong(wrong);
    let signs_on_as = user.signs_on_as.unwrap_or_default();
    let page = PersonPage {
        page: Page::new(app, session, "person", wrong.title(&user.name)).with_notice(done),
        id: id.to_string(),
        ended: user.ended_at.map(format::when),
        has_password: user.password.is_some(),
        has_factor: user.totp.is_some(),
        own: *id == session.user,
        may_have_password: app.has_password(&user.user_name),
        name: user.name,
        user_name: user.user_name,
        signs_on_as,
        signed_on: linked.map(format::when),
        provider: provider(app),
        roles: given.into_iter().map(row).collect(),
        councillors: councillors(council),
        // As it is opened from outside, where that is known.
        link: link.map(|link| app.portal.pipeline.house.council.portal_url.clone().unwrap_or_default() + &link),
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

/// A link for a new password. The old one goes at once, and with it a lost second factor, lost passkeys and every session: whoever
/// administers has seen who asks, and at no moment is the old password alone enough.
pub(in super::super) async fn invite(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(user): Path<String>,
) -> Result<Response, Trouble> {
    let id = UserId::from(user);
    let mut tx = app.db().begin().await?;
    let user = find(&mut tx, &id).await?;
    if user.ended_at.is_some() {
        return Err(closed(&id));
    }
    if !app.has_password(&user.user_name) {
        let text = "Passwords are switched off here: people sign on.";
        return Err(Trouble::conflict(text).back_to(format!("/admin/people/{id}"), "Go back"));
    }
    if user.password.is_some() && administers(&mut tx, &app, &id).await? {
        let text = "Nobody else can administer the portal, and a link would shut this account until it is used. Change your password on \
                    your own account, or make somebody else an administrator first.";
        others_administer(&mut tx, &app, &id, text).await?;
    }
    store::user::forget_password(&mut tx, &id).await?;
    store::session::end_all_of(&mut tx, &id).await?;
    store::user::set_totp(&mut tx, &id, None, user.totp_step).await?;
    let passkeys = store::passkey::take_all_away(&mut tx, &id).await?;
    let link = invitation::make(&mut tx, &app, &id).await?;
    audit(&mut tx, &app, &session, "invite person", &id, json!({"passkeys taken away": passkeys})).await?;
    store::claim::give_back(&mut tx, None, &user.user_name).await?;
    tx.commit().await?;
    one_page(&app, &session, &id, None, Some(link), None).await
}

/// Whether somebody is an administrator at present.
async fn administers(tx: &mut Tx, app: &App, id: &UserId) -> store::Result<bool> {
    let given = store::user::given(tx, Some(id), app.now()).await?;
    Ok(given.iter().any(|one| one.role == Role::Administrator))
}

#[derive(Deserialize)]
pub(in super::super) struct SignsOn {
    #[serde(default)]
    signs_on_as: String,
    /// Whether whom the provider showed is forgotten, and the name stays.
    #[serde(default)]
    anew: String,
}

/// How somebody signs on. Whoever the provider showed to be them before is shown to be them no more, and is signed out.
pub(in super::super) async fn sign_on(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(user): Path<String>,
    Form(form): Form<SignsOn>,
) -> Result<Response, Trouble> {
    let id = UserId::from(user);
    let name = match sign_on_name(&form.signs_on_as) {
        Ok(name) => name,
        Err(wrong) => return one_page(&app, &session, &id, None, None, Some(wrong)).await,
    };
    let mut tx = app.db().begin().await?;
    let user = find(&mut tx, &id).await?;
    if user.ended_at.is_some() {
        return Err(closed(&id));
    }
    if !form.anew.is_empty() {
        store::user::unlink(&mut tx, &id).await?;
        store::session::end_all_of(&mut tx, &id).await?;
        audit(&mut tx, &app, &session, "forget sign-on", &id, json!({})).await?;
        tx.commit().await?;
        return Ok(Redirect::to(&format!("/admin/people/{id}?done=sign-on-changed")).into_response());
    }
    if user.signs_on_as == name {
        return Ok(Redirect::to(&format!("/admin/people/{id}?done=unchanged")).into_response());
    }
    if !store::user::set_signs_on_as(&mut tx, &id, name.as_deref()).await? {
        drop(tx);
        return one_page(&app, &session, &id, None, None, Some(("signs_on_as", TAKEN.to_owned()))).await;
    }
    store::session::end_all_of(&mut tx, &id).await?;
    let detail = json!({"before": user.signs_on_as, "now": name});
    audit(&mut tx, &app, &session, "change sign-on", &id, detail).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/admin/people/{id}?done=sign-on-changed")).into_response())
}

fn closed(id: &UserId) -> Trouble {
    Trouble::conflict("This account is closed.").back_to(format!("/admin/people/{id}"), "Go back")
}

/// Refuses what would leave nobody who can administer.
async fn keeps_one(tx: &mut Tx, app: &App, id: &UserId) -> Result<(), Trouble> {
    let text = "Nobody else can administer the portal, so this account has to stay. Make somebody else an administrator first.";
    others_administer(tx, app, id, text).await
}

/// Says why not where nobody else can sign in now and administer.
async fn others_administer(tx: &mut Tx, app: &App, id: &UserId, text: &str) -> Result<(), Trouble> {
    if store::user::other_administrators(tx, id, app.ways()).await? > 0 {
        return Ok(());
    }
    Err(Trouble::conflict(text).back_to(format!("/admin/people/{id}"), "Go back"))
}

pub(in super::super) async fn end(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(user): Path<String>,
) -> Result<Redirect, Trouble> {
    let id = UserId::from(user);
    let mut tx = app.db().begin().await?;
    let person = find(&mut tx, &id).await?;
    keeps_one(&mut tx, &app, &id).await?;
    store::claim::give_back(&mut tx, None, &person.user_name).await?;
    store::user::end(&mut tx, &id, &session.actor, app.now()).await?;
    audit(&mut tx, &app, &session, "close account", &id, json!({})).await?;
    tx.commit().await?;
    Ok(Redirect::to("/admin/people?done=account-closed"))
}

#[derive(Deserialize)]
pub(in super::super) struct NewRole {
    #[serde(default)]
    role: String,
    #[serde(default)]
    councillor: String,
    #[serde(default)]
    until: String,
}

/// The end of a day in London; it is the last on which a role holds.
fn end_of(day: &str) -> Option<DateTime<Utc>> {
    let next: NaiveDate = day.parse::<NaiveDate>().ok()?.succ_opt()?;
    Some(next.and_time(NaiveTime::MIN).and_local_timezone(London).earliest()?.to_utc())
}

pub(in super::super) async fn give(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(user): Path<String>,
    Form(form): Form<NewRole>,
) -> Result<Response, Trouble> {
    let id = UserId::from(user);
    let found = role(&app.portal.pipeline.house.council, &form.role, &form.councillor);
    let until = (!form.until.trim().is_empty()).then(|| end_of(form.until.trim()));
    let wrong = match (&found, &until) {
        (Err((_, wrong)), _) => Some(("role", wrong.clone())),
        (_, Some(None)) => Some(("until", "Enter the last day as year, month and day, such as 2026-12-31.".to_owned())),
        (_, Some(Some(until))) if *until <= app.now() => {
            Some(("until", "The last day has to be today or later.".to_owned()))
        }
        _ => None,
    };
    if wrong.is_some() {
        return one_page(&app, &session, &id, None, None, wrong).await;
    }
    let Ok((role, councillor)) = found else { return Err(Trouble::internal()) };
    let mut tx = app.db().begin().await?;
    if find(&mut tx, &id).await?.ended_at.is_some() {
        return Err(closed(&id));
    }
    let standing = store::user::given(&mut tx, Some(&id), app.now()).await?;
    if standing.iter().any(|one| one.role == role && one.councillor == councillor && one.until_at == until.flatten()) {
        return Ok(Redirect::to(&format!("/admin/people/{id}?done=unchanged")).into_response());
    }
    let new =
        NewGrant { user: &id, role, councillor: councillor.as_deref(), until: until.flatten(), by: &session.actor };
    store::user::give(&mut tx, app.ids(), new, app.now()).await?;
    let detail = json!({"role": role, "councillor": councillor, "until": until.flatten()});
    audit(&mut tx, &app, &session, "give role", &id, detail).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/admin/people/{id}?done=role-given")).into_response())
}

pub(in super::super) async fn take(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path((user, grant)): Path<(String, String)>,
) -> Result<Redirect, Trouble> {
    let id = UserId::from(user);
    let mut tx = app.db().begin().await?;
    let standing = store::user::given(&mut tx, Some(&id), app.now()).await?;
    let role = standing.iter().find(|one| one.id == grant).map(|one| one.role);
    if role == Some(Role::Administrator) {
        keeps_one(&mut tx, &app, &id).await?;
    }
    if !store::user::take(&mut tx, &grant, &id, &session.actor, app.now()).await? {
        let back = format!("/admin/people/{id}");
        return Err(Trouble::not_found("This role has ended already.").back_to(&back, "Go back"));
    }
    audit(&mut tx, &app, &session, "take role", &id, json!({"role": role})).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/admin/people/{id}?done=role-taken")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_cannot_be_taken_for_somebody_elses_doing() {
        for good in ["j.harrow", "ann", "a-b_c", "ann@brackenmere.example"] {
            assert!(is_user_name(good), "{good}");
        }
        for bad in ["", "ab", "beadle", "resident", "Ann", "ann lane", "ann/for", "änn", &"a".repeat(61)] {
            assert!(!is_user_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_role_holds_until_the_last_day_is_over_in_london() {
        assert_eq!(end_of("2026-06-30"), "2026-06-30T23:00:00Z".parse().ok());
        assert_eq!(end_of("2026-12-31"), "2027-01-01T00:00:00Z".parse().ok());
        assert_eq!(end_of("31.12.2026"), None);
    }
}
