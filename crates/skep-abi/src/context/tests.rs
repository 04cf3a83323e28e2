//! The tables hold together, and accesses are judged as Linux does.

use super::*;

#[test]
fn fields_are_in_order_and_do_not_overlap() {
    for context in CONTEXTS {
        let at = |field: &Field| format!("{} {}", context.name, field.name);
        for pair in context.fields.windows(2) {
            assert!(pair[0].off + pair[0].size <= pair[1].off, "{}", at(&pair[1]));
        }
        for field in context.fields {
            assert_eq!(field.size % field.element, 0, "{}", at(field));
            assert_eq!(field.off % field.element.min(8), 0, "{}", at(field));
            assert!(field.off + field.size <= context.size, "{}", at(field));
        }
    }
}

#[test]
fn every_kind_of_field_but_numbers_is_once_in_a_context() {
    for context in CONTEXTS {
        for field in context.fields.iter().filter(|f| f.kind != FieldKind::Scalar) {
            let same = context.fields.iter().filter(|f| f.kind == field.kind).count();
            assert_eq!(same, 1, "{} {}", context.name, field.name);
        }
    }
}

/// The field's name or the refusal of an access by a program of this kind and attach type.
fn access(who: (ProgType, u32), off: u32, size: u32, write: bool) -> Result<&'static str, FieldError> {
    let context = who.0.context().expect("a context");
    let field = context.field(who.0, AttachType(who.1), off, size, write);
    field.map(|index| context.fields[index].name).map_err(|(error, _)| error)
}

#[test]
fn parts_of_socket_buffers_are_accessed_as_in_linux() {
    let cls = (ProgType::SchedCls, 0);
    assert_eq!(access(cls, 8, 4, true), Ok("mark"));
    assert_eq!(access(cls, 8, 2, true), Err(FieldError::Size));
    assert_eq!(access(cls, 10, 2, false), Ok("mark"));
    assert_eq!(access(cls, 9, 2, false), Err(FieldError::Size));
    assert_eq!(access(cls, 48, 8, true), Ok("cb"));
    assert_eq!(access(cls, 64, 8, true), Err(FieldError::NoField));
    let filter = (ProgType::SocketFilter, 0);
    assert_eq!(access(filter, 76, 4, false), Err(FieldError::Forbidden));
    assert_eq!(access(filter, 8, 4, true), Err(FieldError::Forbidden));
    let stream = (ProgType::SkSkb, 0);
    assert_eq!(access(stream, 8, 4, false), Err(FieldError::Forbidden));
    assert_eq!(access(stream, 32, 4, true), Ok("priority"));
    assert_eq!(access((ProgType::FlowDissector, 0), 0, 4, false), Err(FieldError::Forbidden));
    assert_eq!(access((ProgType::FlowDissector, 0), 144, 8, false), Ok("flow_keys"));
    assert_eq!(access((ProgType::CgroupSkb, 0), 88, 1, false), Ok("family"));
}

#[test]
fn attach_types_decide() {
    let [plain, devmap] = [(ProgType::Xdp, 0), (ProgType::Xdp, AttachType::XDP_DEVMAP.0)];
    assert_eq!(access(plain, 20, 4, false), Err(FieldError::Forbidden));
    assert_eq!(access(devmap, 20, 4, false), Ok("egress_ifindex"));
    assert_eq!(access(plain, 12, 2, false), Err(FieldError::Size));
    assert_eq!(access(plain, 24, 4, false), Err(FieldError::NoField));

    let connect6 = (ProgType::CgroupSockAddr, AttachType::CGROUP_INET6_CONNECT.0);
    assert_eq!(access(connect6, 4, 4, false), Err(FieldError::Forbidden));
    assert_eq!(access(connect6, 8, 8, true), Ok("user_ip6"));
    assert_eq!(access(connect6, 12, 8, true), Err(FieldError::Size));
    assert_eq!(access(connect6, 12, 2, false), Ok("user_ip6"));
    assert_eq!(access(connect6, 12, 2, true), Err(FieldError::Size));
    let send6 = (ProgType::CgroupSockAddr, AttachType::CGROUP_UDP6_SENDMSG.0);
    assert_eq!(access(send6, 48, 8, false), Ok("msg_src_ip6"));
    assert_eq!(access(send6, 44, 8, false), Err(FieldError::Size));

    let created = (ProgType::CgroupSock, AttachType::CGROUP_INET_SOCK_CREATE.0);
    assert_eq!(access(created, 16, 4, true), Ok("mark"));
    assert_eq!(access(created, 24, 4, false), Err(FieldError::Forbidden));
    let get = (ProgType::CgroupSockopt, AttachType::CGROUP_GETSOCKOPT.0);
    let set = (ProgType::CgroupSockopt, AttachType::CGROUP_SETSOCKOPT.0);
    assert_eq!(
        (access(get, 36, 4, true), access(set, 36, 4, true)),
        (Ok("retval"), Err(FieldError::Forbidden))
    );
    assert_eq!(
        (access(get, 24, 4, true), access(set, 24, 4, true)),
        (Err(FieldError::Forbidden), Ok("level"))
    );
}

#[test]
fn parts_of_sockets_are_accessed_as_in_linux() {
    let created = (ProgType::CgroupSock, AttachType::CGROUP_INET_SOCK_CREATE.0);
    // Of the family, only what starts at its first byte.
    assert_eq!(access(created, 4, 1, false), Ok("family"));
    assert_eq!(access(created, 6, 2, false), Err(FieldError::Size));
    assert_eq!(access(created, 48, 4, false), Ok("dst_port"));
    assert_eq!(access(created, 49, 1, false), Ok("dst_port"));
    assert_eq!(access(created, 50, 2, false), Err(FieldError::Size));
    let ops = (ProgType::SockOps, 0);
    assert_eq!(access(ops, 4, 4, true), Ok("args"));
    assert_eq!(access(ops, 8, 4, true), Err(FieldError::Forbidden));
    assert_eq!(access(ops, 212, 1, false), Ok("skb_tcp_flags"));
    assert_eq!(access(ops, 213, 1, false), Err(FieldError::Size));
    let reuseport = (ProgType::SkReuseport, AttachType::SK_REUSEPORT_SELECT.0);
    assert_eq!(access(reuseport, 20, 1, false), Err(FieldError::Size));
    assert_eq!(access(reuseport, 22, 2, false), Ok("eth_protocol"));
}

#[test]
fn flat_contexts_take_any_aligned_access() {
    let tracepoint = (ProgType::Tracepoint, 0);
    assert_eq!(access(tracepoint, 0, 8, false), Err(FieldError::NoField));
    assert_eq!(access(tracepoint, 8184, 8, false), Ok("record"));
    assert_eq!(access(tracepoint, 8192, 1, false), Err(FieldError::NoField));
    assert_eq!(access(tracepoint, 12, 8, false), Err(FieldError::Size));
    assert_eq!(access((ProgType::Kprobe, 0), 160, 8, true), Ok("ss"));
    assert_eq!(access((ProgType::Kprobe, 0), 168, 8, false), Err(FieldError::NoField));
    assert_eq!(access((ProgType::RawTracepoint, 0), 88, 8, false), Ok("args"));
    assert_eq!(access((ProgType::RawTracepoint, 0), 0, 8, true), Err(FieldError::Forbidden));
}
