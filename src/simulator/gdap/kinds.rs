//! The kinds of relationship there are, one after the other: every status, every band of days that are
//! left, and what ought not to be.

use super::{Assignment, DEFAULT, DESK, EVERYTHING, Holder, MAIL, READING, Request, Role, TIERS};

/// What relationships of a kind have in common.
pub(super) struct Kind {
    pub(super) status: &'static str,
    /// Hours from the making of the world; none before it is activated.
    pub(super) ends: Option<i64>,
    /// Days before the making of the world.
    pub(super) age_days: i64,
    pub(super) duration: &'static str,
    /// As Microsoft writes it, which has three ways to write that it does not.
    pub(super) auto_extend: Option<&'static str>,
    pub(super) roles: &'static [&'static Role],
    pub(super) assignments: &'static [Assignment],
    pub(super) requests: &'static [Request],
    pub(super) microsoft_led: bool,
    /// Whether nobody has answered the invitation yet.
    pub(super) open: bool,
}

const fn held(holder: Holder, roles: usize) -> Assignment {
    Assignment { holder, status: "active", roles }
}

const fn kept(holder: Holder, status: &'static str) -> Assignment {
    Assignment { holder, status, roles: 9 }
}

const EXTENDS: Option<&str> = Some("P180D");
const APPROVED: &[Request] = &[("lockForApproval", "succeeded"), ("approve", "succeeded")];

/// Active, and used by the service desk.
const BASE: Kind = Kind {
    status: "active",
    ends: Some(700 * 24),
    age_days: 30,
    duration: "P730D",
    auto_extend: EXTENDS,
    roles: &DESK,
    assignments: &[held(Holder::Desk, 9)],
    requests: APPROVED,
    microsoft_led: false,
    open: false,
};

/// Active, and over in so many hours, with one of the ways to say that it does not go on.
const fn ending(hours: i64, auto_extend: Option<&'static str>) -> Kind {
    let duration = if hours % 48 == 0 { "P2Y" } else { "P730D" };
    Kind { ends: Some(hours), auto_extend, age_days: 700, duration, ..BASE }
}

/// Not active any more.
const fn over(status: &'static str, requests: &'static [Request]) -> Kind {
    Kind { status, ends: Some(-30 * 24), age_days: 400, auto_extend: None, requests, ..BASE }
}

/// Not active yet.
const fn waiting(status: &'static str, age_days: i64, requests: &'static [Request]) -> Kind {
    Kind { status, ends: None, age_days, assignments: &[], requests, ..BASE }
}

pub(super) static KINDS: [Kind; 30] = [
    BASE,
    ending(20, Some("PT0S")),
    ending(3 * 24, None),
    // A boundary day belongs to the lower band.
    ending(7 * 24, Some("P0D")),
    ending(10 * 24, Some("PT0S")),
    Kind { roles: &EVERYTHING, auto_extend: Some("PT0S"), ..BASE },
    ending(14 * 24, Some("PT0S")),
    ending(25 * 24, None),
    ending(30 * 24, Some("PT0S")),
    Kind { roles: &DEFAULT, microsoft_led: true, ..BASE },
    ending(45 * 24, Some("PT0S")),
    ending(60 * 24, Some("PT0S")),
    // Extends itself before long, and is over for nobody.
    Kind { ends: Some(5 * 24), age_days: 725, ..BASE },
    Kind { open: true, ..waiting("approvalPending", 80, &[("lockForApproval", "succeeded")]) },
    waiting("created", 10, &[]),
    waiting("approved", 3, APPROVED),
    waiting("activating", 3, &[("lockForApproval", "succeeded"), ("approve", "pending")]),
    Kind { ends: Some(-3), ..over("expiring", APPROVED) },
    over("expired", APPROVED),
    over("terminationRequested", &[("terminate", "pending")]),
    over("terminating", &[("terminate", "succeeded")]),
    over("terminated", &[("terminate", "succeeded")]),
    // Everybody who may anything may everything.
    Kind { roles: &MAIL, assignments: &[held(Holder::AdminAgents, 9)], ..BASE },
    Kind { assignments: &[], ..BASE },
    Kind { assignments: &[kept(Holder::Desk, "deleting"), kept(Holder::Leads, "error")], ..BASE },
    // Some roles are granted and given to nobody.
    Kind {
        roles: &MAIL,
        assignments: &[
            held(Holder::Operations, 1),
            held(Holder::Leads, 3),
            kept(Holder::Desk, "pending"),
        ],
        ..BASE
    },
    Kind { roles: &READING, assignments: &[held(Holder::Archive, 9)], ..BASE },
    // Words of a later day.
    Kind { status: "unknownFutureValue", requests: &[("reject", "succeeded")], ..BASE },
    Kind {
        roles: &TIERS,
        assignments: &[held(Holder::Operations, 9), held(Holder::Desk, 9)],
        ..ending(200 * 24, Some("PT0S"))
    },
    Kind { microsoft_led: true, ..ending(-1, Some("PT0S")) },
];
