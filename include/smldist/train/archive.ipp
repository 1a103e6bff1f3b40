// SPDX-License-Identifier: BSD-3-Clause
/// The functions of train/archive.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <cstring>
#include <utility>

#include "smldist/core/error.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

void archive::check_complete() const {
    if (used_ == file_->tensors().size()) return;
    raise<data_error>("checkpoint", "number of arrays is ", file_->tensors().size(), ", expected ", used_,
                      ": those of this network, objective, optimiser and these callbacks");
}

void archive::same(std::string_view name, double value) {
    double saved = value;
    (*this)(name, saved);
    if (saved != value && !(saved != saved && value != value))
        raise<usage_error>("checkpoint", name, " is ", value, ", expected ", saved, " as when it was saved");
}

void archive::same(std::string_view name, std::string_view value) {
    std::string saved(value);
    (*this)(name, saved);
    if (saved != value)
        raise<usage_error>("checkpoint", name, " is ", io::quote(value), ", expected ", io::quote(saved),
                           " as when it was saved");
}

template <class T> void archive::elements(std::vector<T>& x) {
    if (!restoring()) return add(type_of<T>(), shape{x.size()}, bytes_of(x.data(), x.size()), true);
    const io::tensor_view& from = take(type_of<T>());
    if (from.extents.rank() != 1)
        raise<data_error>("checkpoint", "shape of ", name_, " is ", from.extents.text(), ", expected one axis");
    x.resize(from.extents.size());
    io::copy_to(from, x.data(), x.size());
}

template <class T> void archive::element(T& x) {
    if (!restoring()) return add(type_of<T>(), shape{}, bytes_of(&x, 1), true);
    const io::tensor_view& from = take(type_of<T>());
    require_shape(from, shape{});
    io::copy_to(from, &x, 1);
}

void archive::visit(double& x) { element(x); }
void archive::visit(std::vector<double>& x) { elements(x); }
void archive::visit(std::vector<std::uint8_t>& x) { elements(x); }

void archive::visit(bool& x) {
    std::uint8_t value = x ? 1 : 0;
    element(value);
    x = value != 0;
}

void archive::visit_word(std::uint64_t& x) {
    auto value = static_cast<std::int64_t>(x);
    element(value);
    x = static_cast<std::uint64_t>(value);
}

void archive::visit(std::vector<std::uint64_t>& x) {
    std::vector<std::int64_t> values(x.begin(), x.end());
    elements(values);
    x.assign(values.begin(), values.end());
}

void archive::visit(std::string& x) {
    std::vector<std::uint8_t> characters(x.begin(), x.end());
    elements(characters);
    x.assign(characters.begin(), characters.end());
}

void archive::visit(std::vector<std::string>& x) {
    std::string lines;
    for (const std::string& one : x) (lines += one) += '\n';
    visit(lines);
    if (!restoring()) return;
    x.clear();
    for (std::size_t at = 0, end = 0; (end = lines.find('\n', at)) != lines.npos; at = end + 1)
        x.push_back(lines.substr(at, end - at));
}

void archive::visit(generator& x) {
    std::vector<std::uint64_t> words{x.seed(), x.stream(), x.position()};
    visit(words);
    if (words.size() != 3)
        raise<data_error>("checkpoint", "number of elements of ", name_, " is ", words.size(), ", expected 3");
    x = generator(words[0], words[1]);
    x.set_position(words[2]);
}

void archive::visit(std::optional<double>& x) {
    std::vector<double> values;
    if (x) values.push_back(*x);
    visit(values);
    if (values.size() > 1)
        raise<data_error>("checkpoint", "number of elements of ", name_, " is ", values.size(), ", expected 0 or 1");
    x = values.empty() ? std::nullopt : std::optional<double>(values[0]);
}

void archive::add(io::dtype type, const shape& s, std::span<const std::byte> bytes, bool copy) {
    if (copy) bytes = copies_.emplace_back(bytes.begin(), bytes.end());
    tensors_.push_back({name_, type, s, bytes});
}

const io::tensor_view& archive::take(io::dtype type) {
    const io::tensor_view* found = file_->find(name_);
    if (!found)
        raise<data_error>("checkpoint", "array ", io::quote(name_),
                          " is missing; are network, objective and callbacks those that were saved?");
    if (found->type != type)
        raise<data_error>("checkpoint", "type of ", io::quote(name_), " is ", io::name_of(found->type), ", expected ",
                          io::name_of(type));
    ++used_;
    return *found;
}

bool archive::present() const { return file_->find(name_) != nullptr; }

void archive::require_shape(const io::tensor_view& from, const shape& expected) const {
    if (!(from.extents == expected))
        raise<data_error>("checkpoint", "shape of ", io::quote(name_), " is ", from.extents.text(), ", expected ",
                          expected.text());
}

std::size_t archive::checked_size(std::uint64_t size) const {
    if (size > io::limit::tensors)
        raise<data_error>("checkpoint", name_, ".size is ", size, ", expected at most ", io::limit::tensors);
    return static_cast<std::size_t>(size);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::train
