// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/dataset/folder.hpp"

#include "scratch.hpp"

using namespace smldist;

TEST_CASE("dataset_folder: given directly or by its parent; errors name what is missing and its source") {
    const scratch_folder at;
    at.write("The Set/part/a.txt", "1\n");
    for (const auto& path : {at.path(), at.path() / "The Set"}) {
        CAPTURE(path.string());
        const data::dataset_folder set("loader", path, "The Set", "https://example.org/set");
        CHECK(set.path() == at.path() / "The Set");
        CHECK(set.file("part/a.txt") == at.path() / "The Set/part/a.txt");
        auto in = set.open("part/a.txt");
        CHECK(in.next_line());
        CHECK(in.number() == 1);
        const std::string missing = complaint([&] { set.open("part/b.txt"); });
        CHECK(has(missing, "loader: file is missing: '" + (at.path() / "The Set/part/b.txt").string()));
        CHECK(has(missing, "expected as in 'The Set' from https://example.org/set"));
        CHECK(has(complaint([&] { set.file("part"); }), "file is missing"));
    }
    CHECK(has(complaint([&] { data::dataset_folder("loader", at.path() / "no", "The Set", "source"); }),
              "loader: folder is missing"));
}

TEST_CASE("dataset_folder: without a list of people those who have files are read, and the others are noted") {
    const scratch_folder at;
    at.write("The Set/b_2.txt", "1\n");
    at.write("The Set/a_5.txt", "1\n");
    const data::dataset_folder set("loader", at.path(), "The Set", "https://example.org/set");
    CHECK(set.has("a_5.txt"));
    CHECK_FALSE(set.has("b_5.txt"));
    CHECK(data::dataset_folder("loader", at.path().parent_path(), "The Set", "").has(at.path().filename()));
    const auto files_of = [](int person) {
        return std::vector<std::string>{"a_" + std::to_string(person) + ".txt",
                                        "b_" + std::to_string(person) + ".txt"};
    };
    data::recording_set noted;
    CHECK(set.people({}, 1, 5, files_of, noted) == std::vector<int>{2, 5});
    CHECK(noted.repairs ==
          std::vector<data::repair>{{"people of the published set without files (1, 3, 4), left out", 3}});

    data::recording_set silent;
    CHECK(set.people({5, 2}, 1, 5, files_of, silent) == std::vector<int>{5, 2});
    const std::string listed = complaint([&] { static_cast<void>(set.people({2, 3}, 1, 5, files_of, silent)); });
    CHECK(has(listed, "loader: subject 3 is missing: '" + (at.path() / "The Set/a_3.txt").string()));
    at.remove("The Set/b_2.txt");
    at.remove("The Set/a_5.txt");
    CHECK(has(complaint([&] { static_cast<void>(set.people({}, 1, 5, files_of, silent)); }),
              "loader: every subject is missing: '" + (at.path() / "The Set/a_1.txt").string()));
    CHECK(silent.repairs.empty());
}
