use std::fmt;

/// What a service is for. Names are stable: they stand in records, rules and policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    Adult,
    Advertising,
    Analytics,
    /// Assistants that answer in words, spoken or written.
    Assistant,
    Cdn,
    Cloud,
    Developer,
    Dns,
    Education,
    Finance,
    Game,
    Health,
    /// Things in the house and cars.
    Iot,
    Mail,
    Maps,
    Messaging,
    Music,
    News,
    Other,
    Productivity,
    /// Carries other services' notifications.
    Push,
    Reference,
    RemoteAccess,
    Search,
    /// Protects the user or a site: certificates, scanners, password managers, bot checks.
    Security,
    Shopping,
    Social,
    /// What an operating system or a browser says to its maker.
    System,
    /// Crash reports and measurements of how a program runs.
    Telemetry,
    Travel,
    Update,
    Video,
    Vpn,
    Weather,
}

impl Category {
    pub const ALL: [Self; 34] = [
        Self::Adult,
        Self::Advertising,
        Self::Analytics,
        Self::Assistant,
        Self::Cdn,
        Self::Cloud,
        Self::Developer,
        Self::Dns,
        Self::Education,
        Self::Finance,
        Self::Game,
        Self::Health,
        Self::Iot,
        Self::Mail,
        Self::Maps,
        Self::Messaging,
        Self::Music,
        Self::News,
        Self::Other,
        Self::Productivity,
        Self::Push,
        Self::Reference,
        Self::RemoteAccess,
        Self::Search,
        Self::Security,
        Self::Shopping,
        Self::Social,
        Self::System,
        Self::Telemetry,
        Self::Travel,
        Self::Update,
        Self::Video,
        Self::Vpn,
        Self::Weather,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Adult => "adult",
            Self::Advertising => "advertising",
            Self::Analytics => "analytics",
            Self::Assistant => "assistant",
            Self::Cdn => "cdn",
            Self::Cloud => "cloud",
            Self::Developer => "developer",
            Self::Dns => "dns",
            Self::Education => "education",
            Self::Finance => "finance",
            Self::Game => "game",
            Self::Health => "health",
            Self::Iot => "iot",
            Self::Mail => "mail",
            Self::Maps => "maps",
            Self::Messaging => "messaging",
            Self::Music => "music",
            Self::News => "news",
            Self::Other => "other",
            Self::Productivity => "productivity",
            Self::Push => "push",
            Self::Reference => "reference",
            Self::RemoteAccess => "remote-access",
            Self::Search => "search",
            Self::Security => "security",
            Self::Shopping => "shopping",
            Self::Social => "social",
            Self::System => "system",
            Self::Telemetry => "telemetry",
            Self::Travel => "travel",
            Self::Update => "update",
            Self::Video => "video",
            Self::Vpn => "vpn",
            Self::Weather => "weather",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }

    /// Whether services of this category learn about users of other people's programs and pages.
    pub const fn is_tracking(self) -> bool {
        matches!(self, Self::Advertising | Self::Analytics | Self::Telemetry)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
