// SPDX-License-Identifier: BSD-3-Clause
/// The folder of a published dataset on disk.
#ifndef SMLDIST_DATA_DATASET_FOLDER_HPP
#define SMLDIST_DATA_DATASET_FOLDER_HPP

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/budget.hpp"
#include "smldist/core/error.hpp"
#include "smldist/data/recording.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// Notes in `set` how many people of the published set were left out, and who: "people of the published set without files
/// (3, 7), left out". Notes nothing when `people` is empty.
SMLDIST_FUNCTION void note_people_without_files(recording_set& set, std::span<const int> people);

/// A dataset's folder as its publisher packed it. Errors name what is missing and where to get it.
///
/// Reading it may take memory in proportion to the files that are read: room() counts them, and loaders request memory
/// from it before they allocate. It refuses a large set whose numbers take only two bytes each, a digit and a blank.
class dataset_folder {
public:
    /// The folder `name`, given directly or by its parent folder. `loader`, a literal, names the set in messages,
    /// `source` is where to get it. Throws data_error when there is no such folder.
    SMLDIST_FUNCTION dataset_folder(std::string_view loader, const std::filesystem::path& path, std::string_view name,
                                    std::string_view source);

    const std::filesystem::path& path() const { return path_; }

    budget& room() const { return room_; }

    /// Whether there is such a file or folder in the folder.
    SMLDIST_FUNCTION bool has(const std::filesystem::path& relative) const;
    /// The people to read: those that the caller `asked` for or, if that is empty, those of the published `first` …
    /// `last` who have one of their files; the others are noted in `set`. `files_of(person)`: paths of files or
    /// folders, at least one. Throws data_error when a person who was asked for has none of the files, and when
    /// nobody has one.
    [[nodiscard]] SMLDIST_FUNCTION std::vector<int>
    people(const std::vector<int>& asked, int first, int last,
           const std::function<std::vector<std::string>(int)>& files_of, recording_set& set) const;

    /// The path of a file in the folder that will be read. Throws data_error when there is none.
    SMLDIST_FUNCTION std::filesystem::path file(const std::filesystem::path& relative) const;
    /// Throws data_error when the file is missing, io_error when it cannot be read.
    text_reader open(const std::filesystem::path& relative, char separator = ' ') const {
        return text_reader(file(relative), separator);
    }

private:
    [[noreturn]] void missing(std::string_view what, const std::filesystem::path& path) const {
        raise<data_error>(loader_, what, " is missing: '", path.string(), "', expected as in '", name_, "' from ",
                          source_);
    }

    std::string loader_, name_, source_;
    std::filesystem::path path_;
    mutable budget room_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/dataset/folder.ipp"
#endif

#endif
