use super::*;

/// The fields of a block, one a line.
fn read(decoder: &mut Decoder, hex: &str) -> Result<String, &'static str> {
    let block: Vec<u8> = hex
        .split_whitespace()
        .flat_map(|group| {
            (0..group.len()).step_by(2).map(|at| u8::from_str_radix(&group[at..at + 2], 16).unwrap())
        })
        .collect();
    let mut lines = Vec::new();
    decoder.decode(&block, &mut |name, value| {
        lines.push(format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)));
    })?;
    Ok(lines.join("\n"))
}

/// RFC 7541 C.3 and C.4: three requests on one connection, plain and with Huffman codes.
#[test]
fn reads_the_requests_of_the_specification() {
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let huffman = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    for blocks in [plain, huffman] {
        let mut decoder = Decoder::default();
        assert_eq!(
            read(&mut decoder, blocks[0]).unwrap(),
            ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com"
        );
        assert_eq!(decoder.used, 57);
        assert_eq!(
            read(&mut decoder, blocks[1]).unwrap(),
            ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache"
        );
        assert_eq!(decoder.used, 110);
        assert_eq!(
            read(&mut decoder, blocks[2]).unwrap(),
            ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value"
        );
        assert_eq!(decoder.used, 164);
    }
}

/// RFC 7541 C.5 and C.6: responses with a table of 256 bytes, so that entries are evicted.
#[test]
fn reads_the_responses_of_the_specification() {
    let plain = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d \
         546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f \
         6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b \
         2076 6572 7369 6f6e 3d31",
    ];
    let huffman = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 \
         8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 \
         dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];
    for blocks in [plain, huffman] {
        let mut decoder = Decoder { size: 256, ..Decoder::default() };
        let first =
            "cache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com";
        assert_eq!(read(&mut decoder, blocks[0]).unwrap(), format!(":status: 302\n{first}"));
        assert_eq!(decoder.used, 222);
        assert_eq!(read(&mut decoder, blocks[1]).unwrap(), format!(":status: 307\n{first}"));
        assert_eq!(decoder.used, 222);
        assert_eq!(
            read(&mut decoder, blocks[2]).unwrap(),
            ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\n\
             location: https://www.example.com\ncontent-encoding: gzip\n\
             set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
        );
        assert_eq!(decoder.used, 215);
    }
}

#[test]
fn integers_do_not_overflow() {
    let number = |bytes: &[u8], bits| integer(&mut Reader::new(&bytes[1..]), bytes[0], bits);
    // RFC 7541 C.1.
    assert_eq!(number(&[0x0a], 5), Some(10));
    assert_eq!(number(&[0x1f, 0x9a, 0x0a], 5), Some(1337));
    assert_eq!(number(&[0x2a], 8), Some(42));
    assert_eq!(number(&[0x7f, 0x80, 0x80, 0x80, 0x80, 0x0f], 7), Some(0x7f + 0xf000_0000));
    for bad in [
        &[0x7f][..],
        &[0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x7f, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0x7f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
    ] {
        assert_eq!(number(bad, 7), None, "{bad:?}");
    }
}

#[test]
fn bad_blocks_are_refused_and_unknown_indices_passed_over() {
    let mut decoder = Decoder::default();
    assert_eq!(read(&mut decoder, "80 fe 82").unwrap(), ":method: GET");
    assert_eq!(read(&mut decoder, "7e0161 be").unwrap(), ": a\n: a", "a value without its name");
    assert!(read(&mut decoder, "3fffffff7f").is_err());
    assert!(read(&mut decoder, "4005616263").is_err());
    assert!(read(&mut decoder, "40ffffffff0f").is_err());
}

#[test]
fn a_bomb_of_references_ends_at_the_cap() {
    let mut decoder = Decoder::default();
    let mut block = vec![0x40, 0x01, b'a', 0x7f, 0x81, 0x1e];
    block.extend([b'x'; 127 + 1 + (0x1e << 7)]);
    decoder.decode(&block, &mut |_, _| {}).unwrap();
    let mut seen = 0;
    let bomb = vec![0xbe; 60_000];
    assert_eq!(decoder.decode(&bomb, &mut |_, value| seen += value.len()), Err("a header list without end"));
    assert!(seen <= HEADER_LIST_BYTES);
}
