//! The files that are compiled in. A test compares this with the folders.

pub(crate) static SERVICES: &[(&str, &str)] = &[
    ("services/adult.toml", include_str!("../services/adult.toml")),
    (
        "services/advertising.toml",
        include_str!("../services/advertising.toml"),
    ),
    (
        "services/analytics.toml",
        include_str!("../services/analytics.toml"),
    ),
    (
        "services/assistant.toml",
        include_str!("../services/assistant.toml"),
    ),
    ("services/cdn.toml", include_str!("../services/cdn.toml")),
    ("services/cloud.toml", include_str!("../services/cloud.toml")),
    (
        "services/developer.toml",
        include_str!("../services/developer.toml"),
    ),
    ("services/dns.toml", include_str!("../services/dns.toml")),
    (
        "services/education.toml",
        include_str!("../services/education.toml"),
    ),
    ("services/finance.toml", include_str!("../services/finance.toml")),
    ("services/game.toml", include_str!("../services/game.toml")),
    ("services/health.toml", include_str!("../services/health.toml")),
    ("services/iot.toml", include_str!("../services/iot.toml")),
    ("services/mail.toml", include_str!("../services/mail.toml")),
    ("services/maps.toml", include_str!("../services/maps.toml")),
    (
        "services/messaging.toml",
        include_str!("../services/messaging.toml"),
    ),
    ("services/music.toml", include_str!("../services/music.toml")),
    ("services/news.toml", include_str!("../services/news.toml")),
    ("services/other.toml", include_str!("../services/other.toml")),
    (
        "services/productivity.toml",
        include_str!("../services/productivity.toml"),
    ),
    ("services/push.toml", include_str!("../services/push.toml")),
    (
        "services/reference.toml",
        include_str!("../services/reference.toml"),
    ),
    (
        "services/remote-access.toml",
        include_str!("../services/remote-access.toml"),
    ),
    ("services/search.toml", include_str!("../services/search.toml")),
    (
        "services/security.toml",
        include_str!("../services/security.toml"),
    ),
    (
        "services/shopping.toml",
        include_str!("../services/shopping.toml"),
    ),
    ("services/social.toml", include_str!("../services/social.toml")),
    ("services/system.toml", include_str!("../services/system.toml")),
    (
        "services/telemetry.toml",
        include_str!("../services/telemetry.toml"),
    ),
    ("services/travel.toml", include_str!("../services/travel.toml")),
    ("services/update.toml", include_str!("../services/update.toml")),
    ("services/video.toml", include_str!("../services/video.toml")),
    ("services/vpn.toml", include_str!("../services/vpn.toml")),
    ("services/weather.toml", include_str!("../services/weather.toml")),
];

pub(crate) static LISTS: &[(&str, &str)] = &[
    (
        "lists/historic-malware.toml",
        include_str!("../lists/historic-malware.toml"),
    ),
    (
        "lists/kill-switches.toml",
        include_str!("../lists/kill-switches.toml"),
    ),
    (
        "lists/mining-pools.toml",
        include_str!("../lists/mining-pools.toml"),
    ),
    (
        "lists/test-domains.toml",
        include_str!("../lists/test-domains.toml"),
    ),
];
