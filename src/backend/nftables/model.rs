//! Short constructors for the objects of the `nftables` crate, and the document they are
//! collected in.

use std::borrow::Cow;
use std::collections::HashSet;

use nftables::expr::{
    CT, Expression, Meta, MetaKey, NamedExpression, Payload, PayloadField, Prefix, Range as NftRange, SetItem,
};
use nftables::schema::{
    Chain, NfCmd, NfListObject, NfObject, Nftables, Rule, Set, SetFlag, SetType, SetTypeValue, Table,
};
use nftables::stmt::{Accept, Drop, JumpTarget, Limit, Match, Operator, Reject, RejectType, Statement};
use nftables::types::{NfChainPolicy, NfChainType, NfFamily, NfHook, RejectCode};

use crate::backend::name::identifier;
use crate::firewall::ports::PortRange;
use crate::firewall::sets::{AddressSet, Range};

/// The table that the whole firewall is in.
pub(crate) const TABLE: &str = "nodeshim";
/// nft refuses longer comments.
const MAX_COMMENT: usize = 128;

pub(super) type Statements = Vec<Statement<'static>>;

/// Commands in order.
#[derive(Debug, Clone, Default)]
pub struct Document {
    objects: Vec<NfObject<'static>>,
}

impl Document {
    pub(super) fn add(&mut self, object: NfListObject<'static>) {
        self.objects.push(NfObject::CmdObject(NfCmd::Add(object)));
    }

    pub(super) fn delete_table(&mut self) {
        self.objects.push(NfObject::CmdObject(NfCmd::Delete(table())));
    }

    /// A chain that other chains jump to.
    pub(super) fn chain(&mut self, name: &str) {
        self.add(NfListObject::Chain(chain(name)));
    }

    /// A chain that packets enter at a hook.
    pub(super) fn base_chain(&mut self, name: &str, at: (NfChainType, NfHook, i32), policy: NfChainPolicy) {
        let (kind, hook, priority) = at;
        self.add(NfListObject::Chain(Chain {
            _type: Some(kind),
            hook: Some(hook),
            prio: Some(priority),
            policy: Some(policy),
            ..chain(name)
        }));
    }

    pub(super) fn rule(&mut self, chain: &str, statements: Statements, comment: Option<&str>) {
        let comment = comment.map(|text| text[..text.floor_char_boundary(MAX_COMMENT)].to_owned());
        self.add(NfListObject::Rule(Rule {
            family: NfFamily::INet,
            table: TABLE.into(),
            chain: chain.to_owned().into(),
            expr: statements.into(),
            comment: comment.map(Cow::Owned),
            ..Rule::default()
        }));
    }

    /// A set of ports that lookups walk as intervals.
    pub(super) fn port_set(&mut self, name: &str, ports: &[PortRange]) {
        let elements: Vec<Expression> = ports.iter().map(port).collect();
        self.add(NfListObject::Set(Box::new(Set {
            family: NfFamily::INet,
            table: TABLE.into(),
            name: name.to_owned().into(),
            set_type: SetTypeValue::Single(SetType::InetService),
            flags: Some(HashSet::from([SetFlag::Interval])),
            elem: Some(elements.into()),
            ..Set::default()
        })));
    }

    /// A set of addresses.
    pub(super) fn address_set(&mut self, name: &str, set: &AddressSet) {
        let of = |(low, high): &Range| match low == high {
            true => text(low.to_string()),
            false => Expression::Range(Box::new(NftRange {
                range: [text(low.to_string()), text(high.to_string())],
            })),
        };
        let (kind, elements): (_, Vec<Expression>) = match set {
            AddressSet::Ipv4(ranges) => (SetType::Ipv4Addr, ranges.iter().map(of).collect()),
            AddressSet::Ipv6(ranges) => (SetType::Ipv6Addr, ranges.iter().map(of).collect()),
            AddressSet::Mac(addresses) => {
                (SetType::EtherAddr, addresses.iter().map(|address| text(address.as_str())).collect())
            }
        };
        let is_interval = !matches!(set, AddressSet::Mac(_));
        self.add(NfListObject::Set(Box::new(Set {
            family: NfFamily::INet,
            table: TABLE.into(),
            name: name.to_owned().into(),
            set_type: SetTypeValue::Single(kind),
            flags: is_interval.then(|| HashSet::from([SetFlag::Interval])),
            elem: (!elements.is_empty()).then(|| elements.into()),
            ..Set::default()
        })));
    }

    /// Adds everything of another document.
    pub fn append(&mut self, other: Document) {
        self.objects.extend(other.objects);
    }

    /// The objects in the crate's own model, for its JSON.
    pub fn into_model(self) -> Nftables<'static> {
        Nftables {
            objects: Cow::Owned(self.objects),
        }
    }

    pub(super) fn objects(&self) -> &[NfObject<'static>] {
        &self.objects
    }
}

pub(super) fn table() -> NfListObject<'static> {
    NfListObject::Table(Table {
        family: NfFamily::INet,
        name: TABLE.into(),
        handle: None,
    })
}

fn chain(name: &str) -> Chain<'static> {
    Chain {
        family: NfFamily::INet,
        table: TABLE.into(),
        name: name.to_owned().into(),
        ..Chain::default()
    }
}

pub(super) fn text(value: impl Into<String>) -> Expression<'static> {
    Expression::String(Cow::Owned(value.into()))
}

pub(super) fn port(range: &PortRange) -> Expression<'static> {
    let number = |port: u16| Expression::Number(port.into());
    if range.low == range.high {
        number(range.low)
    } else {
        Expression::Range(Box::new(NftRange {
            range: [number(range.low), number(range.high)],
        }))
    }
}

/// One value as it is, several as an anonymous set.
pub(super) fn any_of(mut values: Vec<Expression<'static>>) -> Expression<'static> {
    match values.len() {
        1 => values.remove(0),
        _ => Expression::Named(NamedExpression::Set(values.into_iter().map(SetItem::Element).collect())),
    }
}

pub(super) fn prefix(address: String, bits: u8) -> Expression<'static> {
    Expression::Named(NamedExpression::Prefix(Prefix {
        addr: Box::new(text(address)),
        len: bits.into(),
    }))
}

fn matching(left: NamedExpression<'static>, op: Operator, right: Expression<'static>) -> Statement<'static> {
    Statement::Match(Match {
        left: Expression::Named(left),
        right,
        op,
    })
}

pub(super) fn meta(key: MetaKey, value: Expression<'static>) -> Statement<'static> {
    matching(NamedExpression::Meta(Meta { key }), Operator::EQ, value)
}

pub(super) fn meta_not(key: MetaKey, value: Expression<'static>) -> Statement<'static> {
    matching(NamedExpression::Meta(Meta { key }), Operator::NEQ, value)
}

pub(super) fn payload(protocol: &str, field: &'static str, value: Expression<'static>) -> Statement<'static> {
    payload_with(protocol, field, Operator::EQ, value)
}

pub(super) fn payload_with(
    protocol: &str,
    field: &'static str,
    op: Operator,
    value: Expression<'static>,
) -> Statement<'static> {
    let field = PayloadField {
        protocol: protocol.to_owned().into(),
        field: field.into(),
    };
    matching(NamedExpression::Payload(Payload::PayloadField(field)), op, value)
}

/// `ct state A,B` or `ct status A`.
pub(super) fn ct(key: &'static str, values: &[&str]) -> Statement<'static> {
    let key = CT {
        key: key.into(),
        family: None,
        dir: None,
    };
    let values: Vec<Expression> = values.iter().map(|value| text(*value)).collect();
    let right = match values.as_slice() {
        [one] => one.clone(),
        _ => Expression::List(values),
    };
    matching(NamedExpression::CT(key), Operator::IN, right)
}

pub(super) fn accept() -> Statement<'static> {
    Statement::Accept(None::<Accept>)
}

pub(super) fn drop() -> Statement<'static> {
    Statement::Drop(None::<Drop>)
}

pub(super) fn jump(chain: &str) -> Statement<'static> {
    Statement::Jump(JumpTarget {
        target: chain.to_owned().into(),
    })
}

/// At most so many packets in `per` (`second`, `minute`, `hour`, `day`) after the first `burst`.
pub(super) fn limit(rate: u32, per: &'static str, burst: u32) -> Statement<'static> {
    Statement::Limit(Limit {
        rate,
        rate_unit: None,
        per: Some(per.into()),
        burst: Some(burst),
        burst_unit: None,
        inv: None,
    })
}

/// Says to the sender that the packet is not wanted, whichever family it is of.
pub(super) fn reject() -> Statement<'static> {
    reject_with(RejectType::ICMPX, Some(RejectCode::AdminProhibited))
}

/// Says it in a certain way.
pub(super) fn reject_with(kind: RejectType, code: Option<RejectCode>) -> Statement<'static> {
    Statement::Reject(Some(Reject::new(Some(kind), code)))
}

pub(super) fn goto(chain: &str) -> Statement<'static> {
    Statement::Goto(JumpTarget {
        target: chain.to_owned().into(),
    })
}

/// Back to the chain that jumped here.
pub(super) fn back() -> Statement<'static> {
    Statement::Return(None)
}

/// What comes in or leaves by an interface; `ppp+` is a wildcard.
pub(super) fn interface(key: MetaKey, name: &str) -> Statement<'static> {
    interface_with(key, Operator::EQ, name)
}

pub(super) fn interface_with(key: MetaKey, op: Operator, name: &str) -> Statement<'static> {
    let name = name.strip_suffix('+').map_or_else(|| name.to_owned(), |stem| format!("{stem}*"));
    matching(NamedExpression::Meta(Meta { key }), op, text(name))
}

/// The name that a set of addresses has in the table.
pub(super) fn set_name(name: &str) -> String {
    format!("ipset_{}", identifier(name))
}

/// Packets whose sender (`saddr`) or receiver (`daddr`) is in a set.
pub(super) fn in_set(name: &str, set: &AddressSet, field: &'static str, op: Operator) -> Statement<'static> {
    let protocol = match set {
        AddressSet::Ipv4(_) => "ip",
        AddressSet::Ipv6(_) => "ip6",
        AddressSet::Mac(_) => "ether",
    };
    payload_with(protocol, field, op, text(format!("@{}", set_name(name))))
}

pub(super) fn address_match(
    address: std::net::IpAddr,
    bits: u8,
    field: &'static str,
    op: Operator,
) -> Statement<'static> {
    let (protocol, width) = if address.is_ipv4() {
        ("ip", 32)
    } else {
        ("ip6", 128)
    };
    let value = if bits == width {
        text(address.to_string())
    } else {
        prefix(masked(address, bits).to_string(), bits)
    };
    payload_with(protocol, field, op, value)
}

/// The network's own address, without host bits.
fn masked(address: std::net::IpAddr, bits: u8) -> std::net::IpAddr {
    match address {
        std::net::IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            std::net::Ipv4Addr::from(u32::from(address) & mask).into()
        }
        std::net::IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            std::net::Ipv6Addr::from(u128::from(address) & mask).into()
        }
    }
}
