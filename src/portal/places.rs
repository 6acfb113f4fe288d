//! Where people who are signed in can go, and the right each place needs.

use super::{
    App, account, admin, blocked, campaign, case_actions, case_page, councillor, files, learned, letters, list, log,
    mail_pages, nav, passkey, patterns, picture, report, review, set_up, sign_in,
};
use crate::core::access::{self, Field};
use crate::core::{Right, Role};
use axum::routing::{MethodRouter, get, post};

/// Pages for people who are signed in: the right they need, where they are, and what answers there. The one list: what is not in it
/// is open to nobody, and a test tries each of it with each role.
pub(super) fn guarded() -> Vec<(Right, &'static str, MethodRouter<App>)> {
    let cases: Vec<(&str, MethodRouter<App>)> = vec![
        ("/", get(list::page)),
        ("/find", get(list::find)),
        ("/cases/{reference}", get(case_page::page)),
        ("/cases/{reference}/accept", post(case_actions::accept)),
        ("/cases/{reference}/change", post(case_actions::change)),
        ("/cases/{reference}/join", post(case_actions::join)),
        ("/cases/{reference}/seen", post(case_actions::seen)),
        ("/cases/{reference}/close", post(case_actions::close)),
        ("/cases/{reference}/close/preview", post(case_actions::closing::preview)),
        ("/cases/{reference}/consent", post(case_actions::consent)),
        ("/cases/{reference}/block", post(case_actions::block)),
        ("/cases/{reference}/councillor", post(case_actions::councillor)),
        ("/cases/{reference}/campaign", get(campaign::page)),
        ("/cases/{reference}/campaign/answer", post(case_actions::answer_letters)),
        ("/cases/{reference}/campaign/acknowledge", post(case_actions::acknowledge_letters)),
        ("/cases/{reference}/address", post(case_actions::address)),
        ("/cases/{reference}/people/{said}/same", post(case_actions::one_person)),
        ("/cases/{reference}/people/{said}/different", post(case_actions::not_one_person)),
        ("/cases/{reference}/people/{said}/apart", post(case_actions::take_apart)),
        ("/cases/{reference}/whole", post(case_actions::whole)),
        ("/cases/{reference}/parts", post(case_actions::find_part)),
        ("/cases/{reference}/parts/{part}/split", post(case_actions::split)),
        ("/cases/{reference}/parts/{part}/dismiss", post(case_actions::dismiss)),
        ("/cases/{reference}/links/{link}/unsplit", post(case_actions::unsplit)),
        ("/cases/{reference}/links/{link}/undo", post(case_actions::undo)),
        ("/cases/{reference}/links/{link}/same", post(case_actions::same)),
        ("/cases/{reference}/links/{link}/different", post(case_actions::different)),
        ("/cases/{reference}/outgoing/{id}/release", post(case_actions::release)),
        ("/cases/{reference}/messages/{id}/send-on", post(case_actions::send_on)),
        ("/cases/{reference}/messages/{id}/attachments/{position}", get(files::attachment)),
        ("/messages/{id}/raw", get(files::raw_message)),
        ("/log", get(log::page).post(log::send)),
        ("/log/{token}", get(log::done)),
        ("/review", get(review::page)),
        ("/review/undo", post(review::actions::undo)),
        ("/review/again", post(review::actions::again)),
        ("/review/{reference}", get(review::named)),
        ("/review/{reference}/accept", post(review::actions::accept)),
        ("/review/{reference}/change", post(review::actions::change)),
        ("/review/{reference}/join", post(review::actions::join_to)),
        ("/review/{reference}/spam", post(review::actions::spam)),
        ("/review/{reference}/hold", post(review::actions::hold)),
        ("/review/{reference}/ask", post(review::actions::ask)),
        ("/review/{reference}/private", post(review::actions::private)),
        ("/review/{reference}/skip", post(review::actions::skip)),
        ("/review/{reference}/take", post(review::actions::take)),
        ("/cases/{reference}/note", post(case_actions::note)),
        ("/cases/{reference}/chase", post(case_actions::chase)),
        ("/cases/{reference}/date", post(case_actions::date)),
        ("/cases/{reference}/messages/{id}/attachments/{position}/picture", get(picture::page)),
    ];
    let desk: Vec<(&str, MethodRouter<App>)> = vec![
        ("/patterns", get(patterns::page)),
        ("/campaigns", get(campaign::list)),
        ("/blocked", get(blocked::page).post(blocked::end)),
        ("/deliveries/{id}/raw", get(files::raw_delivery)),
        ("/set-aside", get(mail_pages::set_aside)),
        ("/quarantine", get(mail_pages::quarantine)),
        ("/quarantine/{id}/replay", post(mail_pages::replay)),
        ("/outbox", get(mail_pages::outbox)),
        ("/learned", get(learned::page)),
        ("/letters", get(letters::page)),
        ("/letters/print", get(letters::print_all)),
        ("/letters/posted", post(letters::all_posted)),
        ("/letters/{id}", get(letters::print)),
        ("/letters/{id}/posted", post(letters::posted)),
        ("/letters/{id}/cancel", post(letters::cancel)),
    ];
    let account: Vec<(&str, MethodRouter<App>)> = vec![
        ("/sign-out", post(sign_in::sign_out)),
        ("/account", get(account::page)),
        ("/more", get(nav::page)),
        ("/account/password", post(account::password)),
        ("/account/sessions/end", post(account::end_session)),
        ("/account/second-factor", post(account::second_factor)),
        ("/account/second-factor/off", post(account::second_factor_off)),
        ("/account/passkeys", post(passkey::begin)),
        ("/account/passkeys/add", post(passkey::add)),
        ("/account/passkeys/away", post(passkey::take_away)),
    ];
    let councillor: Vec<(&str, MethodRouter<App>)> = vec![
        ("/my", get(councillor::my)),
        ("/my/{reference}", get(councillor::one::page)),
        ("/my/{reference}/chase", post(councillor::chase::chase)),
        ("/my.csv", get(councillor::my_csv)),
        ("/ward", get(councillor::ward)),
        ("/ward.csv", get(councillor::ward_csv)),
        ("/overdue", get(councillor::overdue)),
        ("/overdue.csv", get(councillor::overdue_csv)),
    ];
    let reports: Vec<(&str, MethodRouter<App>)> =
        vec![("/reports", get(report::page)), ("/reports/{file}", get(report::export))];
    let administration: Vec<(&str, MethodRouter<App>)> = vec![
        ("/admin/people", get(admin::people::page).post(admin::people::add)),
        ("/admin/people/{user}", get(admin::people::one)),
        ("/admin/people/{user}/invite", post(admin::people::invite)),
        ("/admin/people/{user}/sign-on", post(admin::people::sign_on)),
        ("/admin/people/{user}/end", post(admin::people::end)),
        ("/admin/people/{user}/roles", post(admin::people::give)),
        ("/admin/people/{user}/roles/{grant}/end", post(admin::people::take)),
        ("/admin/access", get(admin::access::page)),
        ("/admin/audit", get(admin::audit::page)),
        ("/admin/services", get(admin::services::services)),
        ("/admin/services/{service}", get(admin::services::service).post(admin::services::change_service)),
        ("/admin/departments", get(admin::services::departments)),
        ("/admin/departments/{department}", get(admin::services::department).post(admin::services::change_department)),
        ("/admin/hand-over", get(admin::hand_over::page).post(admin::hand_over::send)),
        ("/admin/channels", get(admin::channels::page)),
        ("/admin/quarantine", get(mail_pages::quarantine_without_originals)),
        ("/admin/quarantine/{id}/replay", post(mail_pages::replay_without_original)),
        ("/admin/outbox", get(mail_pages::outbox_without_names)),
        ("/admin/models", get(learned::models)),
        ("/admin/models/back", post(learned::model_back)),
        ("/admin/models/matcher/back", post(learned::matcher_back)),
        ("/admin/rules", get(admin::rules::page)),
        ("/admin/rules/{file}", get(admin::rules::one)),
        ("/admin/rules/{file}/preview", post(admin::rules::try_out)),
        ("/admin/rules/{file}/back", post(admin::rules::back)),
        ("/admin/rules/{file}/save", post(admin::rules::save)),
    ];
    let of = |right: Right, routes: Vec<(&'static str, MethodRouter<App>)>| {
        routes.into_iter().map(move |(path, answers)| (right, path, answers))
    };
    let all = of(Right::Cases, cases).chain(of(Right::Desk, desk)).chain(of(Right::Account, account));
    all.chain(of(Right::Councillor, councillor))
        .chain(of(Right::Reports, reports))
        .chain(of(Right::Administration, administration))
        .chain(of(Right::Administration, set_up::routes()))
        .collect()
}

/// Where people who are signed in can go, and the right each place needs.
#[must_use]
pub fn all() -> Vec<(&'static str, Right)> {
    guarded().into_iter().map(|(right, path, _)| (path, right)).collect()
}

/// Both tables, who may read what and who may open what, in Markdown: `docs/access.md`.
#[must_use]
pub fn document() -> String {
    let row = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let line = |n: usize| format!("|{}\n", " --- |".repeat(n));
    let mut text = "# Who may read what, and who may open what\n\nThe program prints this (`beadle access`), and a test compares it. \
                    A gatekeeper who acts for some\ncouncillors only sees the cases of those, and nothing of the whole desk.\n\n"
        .to_owned();
    let fields: Vec<&str> = Field::ALL.iter().map(|field| field.label()).collect();
    text += &row([vec!["Reader", "Purpose"], fields].concat());
    text += &line(Field::ALL.len() + 2);
    for (reader, purpose) in access::rows() {
        let cells: Vec<&str> = Field::ALL.iter().map(|field| access::reads(reader, purpose, *field).label()).collect();
        text += &row([vec![reader.label(), purpose.label()], cells].concat());
    }
    text += "\n";
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.label()).collect();
    text += &row([vec!["What for"], roles, vec!["Pages"]].concat());
    text += &line(Role::ALL.len() + 2);
    let all = all();
    for right in Right::ALL {
        let cells: Vec<&str> = Role::ALL.iter().map(|role| if role.holds(*right) { "yes" } else { "no" }).collect();
        let places: Vec<String> =
            all.iter().filter(|(_, needed)| needed == right).map(|(path, _)| format!("`{path}`")).collect();
        let places = places.join(" ");
        text += &row([vec![right.label()], cells, vec![places.as_str()]].concat());
    }
    text
}
