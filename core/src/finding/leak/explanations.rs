//! What each leak means.

use crate::finding::Explanation;

const KNOWN: &str = "Compared with the phone's own value, in every usual form, encoding and hash: certain. Otherwise the number must \
                     validate and stand under a key that names it: very likely.";

pub(super) static ALL: &[Explanation] = &[
    Explanation {
        id: "leak.email",
        title: "E-mail address",
        meaning: "An e-mail address was sent without encryption. It tells who you are, to the server and to everybody on the way.",
        advice: "Ask the app's makers to use https, or do not give this app your address.",
        method: "Your own address, also as a hash: certain. Another address as the whole value of a field, with a domain that \
                 exists and not an office's: very likely.",
    },
    Explanation {
        id: "leak.phone",
        title: "Telephone number",
        meaning: "A telephone number was sent without encryption. It tells who you are and can be misused.",
        advice: "Do not give this app your number, or use one that encrypts.",
        method: "Your own number in every way it is written, also as a hash: certain. Another number with its country's code under a \
                 key that says so: likely.",
    },
    Explanation {
        id: "leak.name",
        title: "Your name",
        meaning: "Your first and last name were sent without encryption.",
        advice: "Use another name in this app, or an app that encrypts.",
        method: "The name you gave to Weir, or its two parts close together: certain.",
    },
    Explanation {
        id: "leak.imei",
        title: "IMEI",
        meaning: "The phone's serial number in the mobile network was sent without encryption. It never changes, so whoever has it \
                  recognises the phone for as long as it lives.",
        advice: "Take the permission to read phone state from this app, or remove it.",
        method: KNOWN,
    },
    Explanation {
        id: "leak.imsi",
        title: "SIM subscriber number (IMSI)",
        meaning: "The number by which your operator knows you was sent without encryption.",
        advice: "Take the permission to read phone state from this app, or remove it.",
        method: KNOWN,
    },
    Explanation {
        id: "leak.iccid",
        title: "SIM card number",
        meaning: "The serial number of your SIM card was sent without encryption.",
        advice: "Take the permission to read phone state from this app, or remove it.",
        method: KNOWN,
    },
    Explanation {
        id: "leak.android-id",
        title: "Android ID",
        meaning: "An identifier that stays until the phone is reset was sent without encryption. It ties everything you do in an \
                  app together.",
        advice: "Ask the app's makers to use https.",
        method: KNOWN,
    },
    Explanation {
        id: "leak.advertising-id",
        title: "Advertising identifier",
        meaning: "The number by which advertisers follow you from app to app was sent without encryption.",
        advice: "Delete it in the phone's settings under Privacy, Ads. Apps then get only zeros.",
        method: KNOWN,
    },
    Explanation {
        id: "leak.serial",
        title: "Serial number",
        meaning: "The phone's serial number was sent without encryption. It never changes.",
        advice: "Remove the app if it has no good reason to know it.",
        method: "Compared with the phone's own serial number, in every usual encoding and hash: certain.",
    },
    Explanation {
        id: "leak.mac",
        title: "Network card's address",
        meaning: "The address of the phone's Wi-Fi or Bluetooth radio was sent without encryption. By it the phone is recognised in \
                  shops and streets.",
        advice: "Switch random Wi-Fi addresses on in the network's settings.",
        method: KNOWN,
    },
    Explanation {
        id: "leak.ssid",
        title: "Name of your Wi-Fi",
        meaning: "The name of your Wi-Fi was sent without encryption. Public maps tell where it stands.",
        advice: "Take the location permission from this app.",
        method: "Compared with the name you gave to Weir: certain.",
    },
    Explanation {
        id: "leak.bssid",
        title: "Address of your Wi-Fi router",
        meaning: "The address of a Wi-Fi router near you was sent without encryption. Public maps tell where it stands, to a few metres.",
        advice: "Take the location permission from this app.",
        method: KNOWN,
    },
    Explanation {
        id: "leak.location",
        title: "Location",
        meaning: "Where you are was sent without encryption.",
        advice: "Take the location permission from this app, or allow it the approximate location only.",
        method: "Two coordinates within a kilometre of the phone's own: certain. Two coordinates under keys that name them, with four \
                 decimals or more: very likely; with fewer they tell the town at most.",
    },
    Explanation {
        id: "leak.contacts",
        title: "Address book",
        meaning: "Names, numbers or addresses of other people were sent without encryption. They were never asked.",
        advice: "Take the contacts permission from this app.",
        method: "Three of the phone's own contacts in one message: certain. Five different numbers or addresses in one message: likely.",
    },
    Explanation {
        id: "leak.bearer-token",
        title: "Access token",
        meaning: "A token was sent without encryption. Whoever copies it can act as you until it expires.",
        advice: "Log out of this app, which ends the token, and ask its makers to use https.",
        method: "An Authorization header with a bearer token was seen on an unencrypted connection. Certain.",
    },
    Explanation {
        id: "leak.jwt",
        title: "Signed login token (JWT)",
        meaning: "A login token was sent without encryption. Whoever copies it can act as you until it expires, and what it says \
                  about you can be read.",
        advice: "Log out of this app, which ends the token, and ask its makers to use https.",
        method: "The token's header was decoded and names a signature. Certain.",
    },
    Explanation {
        id: "leak.session-cookie",
        title: "Session cookie",
        meaning: "A cookie that probably stands for a login was sent without encryption.",
        advice: "Use https for this address, and log out.",
        method: "A cookie with a name that is usual for sessions and a value that cannot be guessed. Likely.",
    },
    Explanation {
        id: "leak.api-key",
        title: "Service key",
        meaning: "A program's key for a cloud service was sent without encryption. Whoever copies it can use the service at its \
                  owner's cost, or read its data.",
        advice: "If the key is yours, replace it. If not, tell the app's makers.",
        method: "The prefix, length and characters that the issuer gives to its keys. Very likely.",
    },
    Explanation {
        id: "leak.private-key",
        title: "Private key",
        meaning: "A private key was sent without encryption. What it protected is open.",
        advice: "Replace the key wherever it is used.",
        method: "The header of a private key with a key's worth of data behind it. Certain.",
    },
    Explanation {
        id: "leak.payment-card",
        title: "Payment card",
        meaning: "The number of a payment card was sent without encryption.",
        advice: "Watch the card's statement, or have it replaced.",
        method: "Your own card: certain. Otherwise issuer, length and check digit agree, and a word beside it says what it is: very likely.",
    },
    Explanation {
        id: "leak.iban",
        title: "Bank account",
        meaning: "The number of a bank account was sent without encryption.",
        advice: "Do not use this app for payments.",
        method: "Your own account: certain. Otherwise country, length and check digits agree: very likely.",
    },
];
