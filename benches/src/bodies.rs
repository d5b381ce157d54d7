//! What people and apps send each other in the clear, with nothing in it that is anybody's.

/// A page of at least `length` bytes.
pub fn page(length: usize) -> Vec<u8> {
    let mut page = b"<!DOCTYPE html><html lang=\"en\"><head><title>News</title><meta name=\"viewport\" \
        content=\"width=device-width, initial-scale=1\"></head><body>\n"
        .to_vec();
    for number in 1.. {
        if page.len() >= length {
            break;
        }
        page.extend(
            format!(
                "<article id=\"story-{number}\" class=\"teaser wide\"><h2>Rain on day {number}, sun later</h2><p>The weather \
                 office expects {}.{} mm of rain in the north. Trains run every {} minutes.</p><img \
                 src=\"/img/{:08x}-640.webp\" alt=\"\"><a href=\"/2026/06/{number}?ref=home&amp;pos={number}\">More</a></article>\n",
                number % 30,
                number % 10,
                5 + number % 25,
                number * 0x9e37_79b1_u32 as usize % 0xffff_ffff,
            )
            .as_bytes(),
        );
    }
    page.extend(b"</body></html>");
    page
}

/// What an app tells a server about its use: a JSON array of events, at least `length` bytes.
pub fn json(length: usize) -> Vec<u8> {
    let mut json = b"{\"app\":{\"version\":\"4.12.0\",\"build\":41200},\"events\":[".to_vec();
    for number in 0.. {
        if json.len() >= length {
            break;
        }
        if number > 0 {
            json.push(b',');
        }
        json.extend(
            format!(
                "{{\"type\":\"view\",\"screen\":\"forecast/{}\",\"ms\":{},\"scroll\":0.{},\"dark\":{},\"items\":[{},{},{}],\"label\":\"hourly rain chart\"}}",
                number % 7,
                100 + number * 37 % 900,
                number % 10,
                number % 2 == 0,
                number % 13,
                number % 17,
                number % 19,
            )
            .as_bytes(),
        );
    }
    json.extend(b"]}");
    json
}

/// A form, at least `length` bytes.
pub fn form(length: usize) -> Vec<u8> {
    let mut form = b"lang=en&theme=dark".to_vec();
    for number in 0.. {
        if form.len() >= length {
            break;
        }
        form.extend(
            format!("&q{number}=rain+radar+{}&page={}&sort=date%2Cdesc", number % 50, number % 9).as_bytes(),
        );
    }
    form
}

/// The values of a phone and of its owner's contacts, as `--device` takes them: about eight hundred things to look for.
pub fn device() -> String {
    let contacts: Vec<String> = (0..50)
        .map(|number| {
            format!(
                "{{\"name\":\"Contact{number} Personname{number}\",\"phone\":\"+4915155500{number:03}\",\"email\":\"contact{number}@personal-{number}.example\"}}"
            )
        })
        .collect();
    format!(
        "{{\"android_id\":\"9c3f5e7a1b2d4c68\",\"gaid\":\"6d92078a-8246-4ba4-ae5b-76104861e7dc\",\"imei\":\"490154203237518\",\
         \"email\":\"zoe.quill@mailbox.example\",\"phone\":\"+491605550199\",\"name\":\"Zoe Quill\",\"serial\":\"ZX1G22KQ7P\",\
         \"mac\":\"02:00:5e:10:20:30\",\"ssid\":\"quill-home-5g\",\"latitude\":48.137154,\"longitude\":11.576124,\
         \"contacts\":[{}]}}",
        contacts.join(",")
    )
}
