// SPDX-License-Identifier: BSD-3-Clause
/// The functions of io/safetensors_reader.hpp, which includes this file; see SMLDIST_DEPLOY_BODIES.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

/// Fills a safetensors_file whose bytes are set. Each member returns false after it has set the fault.
class safetensors_file::reader {
public:
    reader(safetensors_file& file, format_fault& fault) : file_(file), fault_(fault), scanner_({}) {}

    bool read(safetensors_options options) {
        return frame() && header() && names() && layout() && (!options.require_finite || finite(options.infinite));
    }

private:
    [[gnu::cold]] bool fail(violation kind, std::initializer_list<message_part> parts) {
        return detail::set_fault(fault_, kind, parts);
    }
    /// The scanner has met something that is not JSON.
    [[gnu::cold]] bool syntax() {
        return fail(violation::header_json,
                    {scanner_.error().what, " at byte ", scanner_.error().offset, " of the header"});
    }

    /// Length prefix and header as bytes.
    [[gnu::cold]] bool frame() {
        const std::size_t size = file_.bytes_.size();
        if (size < 8) return fail(violation::file_too_short, {"file size is ", size, ", expected at least 8"});
        const auto n = detail::load_word<std::uint64_t>(file_.bytes_.data());
        if (n > limit::header)
            return fail(violation::header_too_long, {"header length is ", n, ", expected at most ", limit::header});
        if (n > size - 8)
            return fail(violation::header_truncated, {"header length is ", n, ", expected at most ", size - 8});
        file_.buffer_at_ = 8 + static_cast<std::size_t>(n);
        text_ = {reinterpret_cast<const char*>(file_.bytes_.data()) + 8, static_cast<std::size_t>(n)};
        if (!text_.starts_with('{')) return fail(violation::header_start, {"header does not begin with '{'"});
        if (const auto valid = valid_utf8_prefix(text_); valid < text_.size())
            return fail(violation::header_utf8, {"header is not valid UTF-8 at its byte ", valid});
        return true;
    }

    [[gnu::cold]] bool header() {
        scanner_ = json_scanner(text_);
        // An entry takes at least 50 bytes, so this is never more than three times the header.
        file_.tensors_.reserve(std::min(limit::tensors, text_.size() / 50 + 1));
        for (scanner_.enter('{'); scanner_.more('}');)
            if (!entry()) return false;
        if (!closed()) return false;
        if (const auto at = text_.find_first_not_of(' ', scanner_.offset()); at != text_.npos)
            return fail(violation::header_trailing,
                        {"header has more than spaces after its object, at its byte ", at});
        return true;
    }
    /// After the items of a sequence: whether it was closed correctly.
    bool closed() { return scanner_.good() || syntax(); }
    [[gnu::cold]] bool key(std::string& out) { return (scanner_.string(out) && scanner_.expect(":")) || syntax(); }

    bool entry() {
        std::string name;
        if (!key(name)) return false;
        return name == "__metadata__" ? metadata() : tensor(std::move(name));
    }

    [[gnu::cold]] bool metadata() {
        if (std::exchange(has_metadata_, true)) return fail(violation::duplicate_key, {"__metadata__ occurs twice"});
        if (scanner_.peek() != '{') return fail(violation::metadata_type, {"__metadata__ is not an object"});
        for (scanner_.enter('{'); scanner_.more('}');) {
            std::string name, value;
            if (!key(name)) return false;
            if (scanner_.peek() != '"')
                return fail(violation::metadata_type, {"value of metadata ", quote(name), " is not a string"});
            if (!scanner_.string(value)) return syntax();
            if (file_.metadata_.size() == limit::metadata)
                return fail(violation::metadata_count, {"number of metadata entries is more than ", limit::metadata});
            const auto [at, is_new] = file_.metadata_.try_emplace(std::move(name), std::move(value));
            if (!is_new) return fail(violation::duplicate_key, {"metadata key ", quote(at->first), " occurs twice"});
        }
        return closed();
    }

    [[gnu::cold]] bool tensor(std::string name) {
        if (name.size() > limit::name)
            return fail(violation::name_too_long,
                        {"name ", quote(name), "... has ", name.size(), " bytes, expected at most ", limit::name});
        if (file_.tensors_.size() == limit::tensors)
            return fail(violation::tensor_count, {"number of tensors is more than ", limit::tensors});
        tensor_view& t = file_.tensors_.emplace_back();
        t.name = std::move(name);
        if (scanner_.peek() != '{')
            return fail(violation::entry_type, {"entry of ", quote(t.name), " is not an object"});

        std::array<std::uint64_t, shape::max_rank> extents{};
        std::array<std::uint64_t, 2> offsets{};
        std::size_t rank = 0;
        bool has_type = false, has_shape = false, has_offsets = false;
        for (scanner_.enter('{'); scanner_.more('}');) {
            std::string field;
            if (!key(field)) return false;
            bool* const seen = field == "dtype"          ? &has_type
                               : field == "shape"        ? &has_shape
                               : field == "data_offsets" ? &has_offsets
                                                         : nullptr;
            if (!seen)
                return fail(violation::entry_key, {"key ", quote(field), " in the entry of ", quote(t.name),
                                                   ", expected dtype, shape and data_offsets"});
            if (std::exchange(*seen, true))
                return fail(violation::duplicate_key, {"key ", field, " of ", quote(t.name), " occurs twice"});
            if (seen == &has_type) {
                if (!type(t)) return false;
            } else if (seen == &has_shape) {
                if (!integers(t, "shape", violation::shape_type, violation::rank_too_high, extents, rank))
                    return false;
            } else {
                std::size_t n = 0;
                if (!integers(t, "data_offsets", violation::offsets_type, violation::offsets_type, offsets, n))
                    return false;
                if (n != 2)
                    return fail(violation::offsets_type,
                                {"data_offsets of ", quote(t.name), " has ", n, " integers, expected 2"});
            }
        }
        if (!closed()) return false;
        if (!has_type || !has_shape || !has_offsets)
            return fail(violation::entry_incomplete, {"entry of ", quote(t.name), " has no ",
                                                      !has_type    ? "dtype"
                                                      : !has_shape ? "shape"
                                                                   : "data_offsets"});
        return place(t, std::span(extents).first(rank), offsets[0], offsets[1]);
    }

    [[gnu::cold]] bool type(tensor_view& t) {
        std::string name;
        if (scanner_.peek() != '"')
            return fail(violation::dtype_unknown, {"dtype of ", quote(t.name), " is not a string"});
        if (!scanner_.string(name)) return syntax();
        return find_dtype(name, t.type) ||
               fail(violation::dtype_unknown, {"dtype of ", quote(t.name), " is ", quote(name),
                                               ", expected F64, I64, F32, I32, F16, BF16, I16, I8, U8 or BOOL"});
    }

    /// An array of at most out.size() integers; their number in `n`.
    [[gnu::cold]] bool integers(const tensor_view& t, std::string_view field, violation wrong_type,
                                violation too_many, std::span<std::uint64_t> out, std::size_t& n) {
        if (scanner_.peek() != '[') return fail(wrong_type, {field, " of ", quote(t.name), " is not an array"});
        for (scanner_.enter('['); scanner_.more(']');) {
            const char c = scanner_.peek();
            if (c != '-' && (c < '0' || c > '9'))
                return fail(wrong_type, {field, " of ", quote(t.name), " holds something that is not an integer"});
            if (n == out.size())
                return fail(too_many, {field, " of ", quote(t.name), " has more than ", out.size(), " integers"});
            json_number number;
            if (!scanner_.number(number)) return syntax();
            if (c == '-' || !number.integral || static_cast<std::uint64_t>(number.integer) > limit::integer)
                return fail(violation::integer_range, {field, " of ", quote(t.name),
                                                       " holds a number that is not an integer from 0 to 2^48 - 1"});
            out[n++] = static_cast<std::uint64_t>(number.integer);
        }
        return closed();
    }

    /// Checks the extents against the offsets and sets shape and bytes.
    [[gnu::cold]] bool place(tensor_view& t, std::span<const std::uint64_t> extents, std::uint64_t begin,
                             std::uint64_t end) {
        if (end < begin)
            return fail(violation::offsets_reversed,
                        {"data_offsets of ", quote(t.name), " end at ", end, ", before their begin ", begin});
        const auto buffer = file_.buffer();
        if (end > buffer.size())
            return fail(violation::offsets_range,
                        {"data_offsets of ", quote(t.name), " end at ", end, ", expected at most ", buffer.size()});
        constexpr std::uint64_t most = std::numeric_limits<std::size_t>::max() / 16; // what a shape can hold
        std::uint64_t elements = 1;
        for (const std::uint64_t extent : extents) {
            if (extent > most || (extent != 0 && elements > most / extent))
                return fail(violation::size_overflow, {"number of elements of ", quote(t.name), " overflows"});
            elements *= extent;
            t.extents.push_back(static_cast<std::size_t>(extent));
        }
        if (elements * size_of(t.type) != end - begin) // at most 2^63; every dtype is whole bytes
            return fail(violation::size_mismatch,
                        {"shape and dtype of ", quote(t.name), " take ", elements * size_of(t.type),
                         " bytes, but data_offsets span ", end - begin});
        t.bytes = buffer.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
        return true;
    }

    /// Sorts the tensors by position and indexes them by name.
    [[gnu::cold]] bool names() {
        auto& tensors = file_.tensors_;
        auto from = argsort(tensors.size(), [&](std::size_t i, std::size_t j) {
            const tensor_view &a = tensors[i], &b = tensors[j];
            if (a.bytes.data() != b.bytes.data()) return a.bytes.data() < b.bytes.data();
            return a.bytes.size() != b.bytes.size() ? a.bytes.size() < b.bytes.size() : a.name < b.name;
        });
        for (std::size_t i = 0; i < tensors.size(); ++i) // cycle by cycle, in place
            for (std::size_t at = i; from[at] != at; at = std::exchange(from[at], at))
                if (from[at] != i) std::swap(tensors[at], tensors[from[at]]);
        auto& by_name = file_.by_name_;
        by_name =
            argsort(tensors.size(), [&](std::size_t i, std::size_t j) { return tensors[i].name < tensors[j].name; });
        for (std::size_t i = 1; i < by_name.size(); ++i)
            if (tensors[by_name[i]].name == tensors[by_name[i - 1]].name)
                return fail(violation::duplicate_key, {"name ", quote(tensors[by_name[i]].name), " occurs twice"});
        return true;
    }

    /// The tensors fill the byte buffer without holes and overlaps.
    [[gnu::cold]] bool layout() {
        const auto buffer = file_.buffer();
        std::size_t end = 0;
        for (const tensor_view& t : file_.tensors_) {
            const auto begin = static_cast<std::size_t>(t.bytes.data() - buffer.data());
            if (begin != end) {
                const auto kind = &t == file_.tensors_.data() ? violation::first_offset
                                  : begin > end               ? violation::hole
                                                              : violation::overlap;
                return fail(kind, {"data_offsets of ", quote(t.name), " begin at ", begin, ", expected ", end});
            }
            end += t.bytes.size();
        }
        return end == buffer.size() || fail(violation::file_size, {"file size is ", file_.bytes_.size(),
                                                                   ", expected ", file_.buffer_at_ + end});
    }

    bool finite(std::string_view except) {
        for (const tensor_view& t : file_.tensors_)
            if (!(!except.empty() && t.name.starts_with(except)) && !all_finite(t.type, t.bytes))
                return fail(violation::not_finite, {"tensor ", quote(t.name), " holds infinity or NaN"});
        return true;
    }

    safetensors_file& file_;
    format_fault& fault_;
    json_scanner scanner_;
    std::string_view text_;
    bool has_metadata_ = false;
};

safetensors_file safetensors_file::parse(byte_vector bytes, safetensors_options options) {
    safetensors_file out;
    format_fault fault;
    if (!parse(std::move(bytes), out, fault, options)) detail::raise_format(fault);
    return out;
}

safetensors_file safetensors_file::load(const std::string& path, safetensors_options options) {
    safetensors_file out;
    format_fault fault;
    if (!parse(read_file(path), out, fault, options)) detail::raise_format({fault.kind, path + ": " + fault.what});
    return out;
}

std::size_t safetensors_file::memory() const {
    constexpr std::size_t node = 16 * sizeof(void*), heap = 2 * sizeof(void*);
    std::size_t bytes = bytes_.size() + by_name_.size() * sizeof(std::size_t);
    bytes += tensors_.size() * sizeof(tensor_view);
    for (const tensor_view& t : tensors_) bytes += t.name.size() + heap;
    for (const auto& [key, value] : metadata_) bytes += node + key.size() + value.size() + 2 * heap;
    return bytes;
}

bool safetensors_file::parse(byte_vector bytes, safetensors_file& out, format_fault& fault,
                             safetensors_options options) {
    out = safetensors_file();
    out.bytes_ = std::move(bytes);
    if (reader(out, fault).read(options)) return true;
    out = safetensors_file();
    return false;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::io
