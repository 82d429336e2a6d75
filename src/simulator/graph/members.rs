//! Who is in a group: people, groups and service principals, in that group or in groups in it.

use serde_json::{Value, json};

use super::list::{self, Page, row};
use super::refusal::Refusal;
use super::resource::Circle;
use super::{Answer, Context, Kind, groups, users};
use crate::simulator::directory::{Directory, Group, Service, Who};
use crate::simulator::person::{Person, guid};
use crate::simulator::roles::Principal;

const SERVICE: [&str; 5] = ["accountEnabled", "appId", "displayName", "id", "servicePrincipalType"];
const DEFAULT_TOP: usize = 100;
const MOST: usize = 999;

/// Something that can be in a group or have a role.
#[derive(Clone, Copy)]
pub(super) enum Member<'a> {
    Person(&'a Person),
    Group(&'a Group),
    Service(&'a Service),
}

impl<'a> Member<'a> {
    pub(super) fn at(context: &'a Context<'_>, principal: Principal) -> Self {
        let directory = context.state.world.directory();
        match principal {
            Principal::Person(place) => Self::Person(&context.state.world.people()[place]),
            Principal::Group(place) => Self::Group(&directory.groups[place]),
            Principal::Service(place) => Self::Service(&directory.services[place]),
        }
    }

    pub(super) fn id(self) -> u128 {
        match self {
            Self::Person(person) => person.id,
            Self::Group(group) => group.id,
            Self::Service(service) => service.id,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Person(_) => "user",
            Self::Group(_) => "group",
            Self::Service(_) => "servicePrincipal",
        }
    }

    /// The selected fields, or the default ones, as far as this kind has them and may be read.
    pub(super) fn show(self, context: &Context<'_>, select: Option<&[String]>) -> Value {
        let (known, default, permissions): (&[&str], &[&str], &[&str]) = match self {
            Self::Person(_) => {
                (&users::KNOWN, &users::DEFAULT, &["User.Read.All", "Directory.Read.All"])
            }
            // Whoever got here may read groups.
            Self::Group(_) => (&groups::FIELDS, &groups::FIELDS, &[]),
            Self::Service(_) => {
                (&SERVICE, &SERVICE, &["Application.Read.All", "Directory.Read.All"])
            }
        };
        let fields: Vec<&str> = if !permissions.is_empty() && !context.granted(permissions) {
            vec!["id"]
        } else if let Some(select) = select {
            select.iter().map(String::as_str).filter(|field| known.contains(field)).collect()
        } else {
            default.to_vec()
        };
        let mut shown = match self {
            Self::Person(person) => users::show(context, person, &fields),
            Self::Group(group) => groups::show(context, group, &fields),
            Self::Service(service) => row(&fields, |field| match field {
                "id" => json!(guid(service.id)),
                _ if context.has(&Kind::NullEverything) => Value::Null,
                "accountEnabled" => json!(true),
                "appId" => json!(guid(service.app_id)),
                "displayName" => json!(service.name),
                _ => json!("Application"),
            }),
        };
        shown["@odata.type"] = json!(format!("#microsoft.graph.{}", self.kind()));
        shown
    }
}

pub(super) fn list(context: &Context<'_>, circle: &Circle) -> Result<Answer, Refusal> {
    let options = &context.options;
    options.allow(&["$select", "$top", "$count"])?;
    let group = groups::find(context, &circle.group)?;
    if circle.cast.is_some() && !options.count {
        return Err(Refusal::bad("A cast needs $count=true."));
    }
    if options.count {
        users::consistent(context)?;
    }
    check_fields(context)?;
    let top = options.page_size(DEFAULT_TOP, MOST)?;
    let sieve = Sieve::new(context.state.world.directory(), group, circle);
    let start = options.cursor.position.min(sieve.end(context));
    let found = (start..sieve.end(context))
        .filter_map(|place| Some((place, sieve.member(context, place)?)));
    let found: Vec<_> = found.take(top).collect();
    // A page that is just full goes on, if only to an empty one.
    let next = found.last().filter(|_| found.len() == top).map(|(place, _)| place + 1);
    let rows = found.iter().map(|(_, member)| member.show(context, options.select.as_deref()));
    let rows = rows.collect();
    // On the first page only.
    let count = (options.count && options.cursor.pages == 0).then(|| {
        (0..sieve.end(context)).filter(|place| sieve.member(context, *place).is_some()).count()
    });
    Ok(list::answer(context, "directoryObjects", Page { rows, next, count }))
}

/// Every selected field must be known of one kind of members.
pub(super) fn check_fields(context: &Context<'_>) -> Result<(), Refusal> {
    let known: Vec<_> = users::KNOWN.into_iter().chain(groups::FIELDS).chain(SERVICE).collect();
    context.options.fields("directoryObject", &known, &[]).map(drop)
}

/// The places of everything that may be a member, groups first and people last.
struct Sieve {
    groups: Vec<usize>,
    services: Vec<usize>,
    people: Vec<Who>,
    cast: Option<String>,
}

impl Sieve {
    fn new(directory: &Directory, group: usize, circle: &Circle) -> Self {
        let within = if circle.transitive { directory.within(group) } else { vec![group] };
        let mut sieve = Self {
            groups: directory.groups[group].groups.clone(),
            services: Vec::new(),
            people: Vec::new(),
            cast: circle.cast.clone(),
        };
        if circle.transitive {
            sieve.groups = within[1..].to_vec();
        }
        for group in within.iter().map(|&place| &directory.groups[place]) {
            sieve.services.extend(&group.services);
            sieve.people.push(group.people);
        }
        sieve
    }

    fn end(&self, context: &Context<'_>) -> usize {
        self.groups.len() + self.services.len() + context.state.world.people().len()
    }

    fn member<'a>(&self, context: &'a Context<'_>, place: usize) -> Option<Member<'a>> {
        let before = self.groups.len() + self.services.len();
        let member = if let Some(&group) = self.groups.get(place) {
            Member::at(context, Principal::Group(group))
        } else if place < before {
            Member::at(context, Principal::Service(self.services[place - self.groups.len()]))
        } else {
            let person = context.state.world.people().get(place - before)?;
            self.people.iter().any(|who| who.includes(person)).then_some(Member::Person(person))?
        };
        self.cast.as_deref().is_none_or(|kind| kind == member.kind()).then_some(member)
    }
}
