// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/sha256.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

using smldist::io::sha256;

TEST_CASE("sha256 gives the digests of FIPS 180-4") {
    struct vector {
        std::string text;
        std::string_view digest;
    };
    const vector vectors[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnop"
         "qrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (const auto& v : vectors) CHECK(sha256().update(v.text).hex() == v.digest);
}

TEST_CASE("sha256 does not depend on how the stream is cut") {
    std::string text;
    for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
    CHECK(sha256().update(text).hex() == "9a76b8af8f16f19d60de2b3999c22f9d10be4395c90ea3bfc5eb6cd6254243af");
    for (std::size_t length = 0; length <= text.size(); ++length) { // every position of the padding
        const std::string_view part = std::string_view(text).substr(0, length);
        const std::string whole = sha256().update(part).hex();
        for (const std::size_t step : {1U, 3U, 63U, 64U, 65U}) {
            sha256 stream;
            for (std::size_t at = 0; at < length; at += step) stream.update(part.substr(at, step));
            REQUIRE(stream.hex() == whole);
        }
    }
}

TEST_CASE("sha256::digest leaves the stream open") {
    sha256 stream;
    stream.update("a");
    const auto first = stream.digest();
    CHECK(first == sha256().update("a").digest());
    CHECK(stream.update("bc").hex() == sha256().update("abc").hex());
}

TEST_CASE("sha256_hex is the digest of bytes") {
    const std::string_view text = "abc";
    CHECK(smldist::io::sha256_hex(std::as_bytes(std::span(text.data(), text.size()))) == sha256().update(text).hex());
}
