// SPDX-License-Identifier: BSD-3-Clause
/// The state of a training as named arrays, which one walk saves and restores.
///
/// A type whose state is more than its parameters and buffers names the rest in a static member function:
///
///     struct my_run {
///         my_network net;
///         optim::adam<float> optimiser;
///         generator random;
///         std::size_t epoch = 0;
///         static void visit_state(auto& self, auto&& member) {
///             member("net", self.net);
///             member("optimiser", self.optimiser);
///             member("random", self.random);
///             member("epoch", self.epoch);
///         }
///     };
///
/// A member is a module (core/parameter.hpp), another type with visit_state, a tensor, a generator, a number, a flag, a text, or
/// a std::vector or std::optional as listed in `archive`.
#ifndef SMLDIST_TRAIN_ARCHIVE_HPP
#define SMLDIST_TRAIN_ARCHIVE_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/parameter.hpp"
#include "smldist/core/random.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/io/safetensors_reader.hpp"
#include "smldist/io/tensor_view.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

/// Saves what it visits, or restores it from a file. Every array of the file must be visited, and each has a dotted name:
/// "optimiser.first.3".
class archive {
public:
    /// To save. Tensors that are visited must outlive tensors().
    archive() = default;
    /// To restore from the file, which must outlive this object.
    explicit archive(const io::safetensors_file& file) : file_(&file) {}
    archive(const archive&) = delete;
    archive& operator=(const archive&) = delete;

    bool restoring() const { return file_ != nullptr; }
    /// What has been saved.
    std::span<const io::tensor_view> tensors() const { return tensors_; }
    /// Throws data_error unless all of the file has been restored.
    SMLDIST_FUNCTION void check_complete() const;

    /// Saves or restores x under that name.
    /// Throws     data_error when the file has no such array, or one of another type or shape.
    template <class X> void operator()(std::string_view name, X& x) {
        const scope inside(*this, name);
        visit(x);
    }

    /// Calls f(); what it visits has names below `name`.
    template <class F> void within(std::string_view name, F f) {
        const scope inside(*this, name);
        f();
    }

    /// Saves a setting on which the state depends; when it restores, compares.
    /// Throws     usage_error for another value than the file's.
    SMLDIST_FUNCTION void same(std::string_view name, double value);
    SMLDIST_FUNCTION void same(std::string_view name, std::string_view value);

private:
    /// Names within are below `name`.
    class scope {
    public:
        scope(archive& a, std::string_view name) : archive_(a), length_(a.name_.size()) {
            if (length_ > 0) a.name_ += '.';
            a.name_ += name;
        }
        scope(const scope&) = delete;
        scope& operator=(const scope&) = delete;
        ~scope() { archive_.name_.resize(length_); }

    private:
        archive& archive_;
        std::size_t length_;
    };

    template <class X> void visit(X& x) {
        static_assert(
            module_like<X> || has_state<X>,
            "archive: the type is neither a module, nor has it visit_state, nor is it one that archive lists");
        if constexpr (module_like<X>) {
            std::vector<std::uint8_t> flags;
            walk(x, [&](const std::string& path, auto& leaf) {
                const scope inside(*this, path);
                fixed(leaf.value);
                if constexpr (requires { leaf.frozen; }) flags.push_back(flags_of(leaf));
            });
            (*this)("learns", flags); // of every parameter
            std::size_t i = 0;
            if (restoring()) for_each_parameter(x, [&](auto& p) { set_flags(p, i < flags.size() ? flags[i++] : 1); });
        }
        if constexpr (has_state<X>) X::visit_state(x, *this);
    }
    SMLDIST_FUNCTION void visit(bool& x);
    SMLDIST_FUNCTION void visit(double& x);
    template <std::unsigned_integral T> void visit(T& x) {
        std::uint64_t word = x;
        visit_word(word);
        x = static_cast<T>(word);
    }
    SMLDIST_FUNCTION void visit_word(std::uint64_t& x);
    SMLDIST_FUNCTION void visit(std::string& x);
    SMLDIST_FUNCTION void visit(generator& x);
    SMLDIST_FUNCTION void visit(std::optional<double>& x);
    SMLDIST_FUNCTION void visit(std::vector<double>& x);
    SMLDIST_FUNCTION void visit(std::vector<std::uint8_t>& x);
    SMLDIST_FUNCTION void visit(std::vector<std::uint64_t>& x);
    SMLDIST_FUNCTION void visit(std::vector<std::string>& x);
    template <class T> void visit(tensor<T>& x) {
        if (!restoring()) return add(type_of<T>(), x.shape(), bytes_of(x.data(), x.size()), false);
        const io::tensor_view& from = take(type_of<T>());
        x = tensor<T>::lasting(from.extents);
        io::copy_to(from, x.data(), x.size());
    }
    /// Those with elements; the file keeps their places.
    template <class T> void visit(std::vector<tensor<T>>& x) {
        std::uint64_t size = x.size();
        (*this)("size", size);
        if (restoring()) x = std::vector<tensor<T>>(checked_size(size));
        for (std::size_t i = 0; i < x.size(); ++i) {
            const scope inside(*this, std::to_string(i));
            if (restoring() ? present() : !x[i].empty()) visit(x[i]);
        }
    }

    /// A tensor whose shape is that of the file.
    template <class T> void fixed(tensor<T>& x) {
        if (!restoring()) return visit(x);
        const io::tensor_view& from = take(type_of<T>());
        require_shape(from, x.shape());
        io::copy_to(from, x.data(), x.size());
    }
    template <class T> static constexpr io::dtype type_of() {
        static_assert(io::storable<T>, "archive: a file holds float, double and integer tensors");
        return io::dtype_of<T>();
    }
    template <class T> static std::span<const std::byte> bytes_of(const T* x, std::size_t n) {
        return std::as_bytes(std::span(x, n));
    }
    template <class P> static std::uint8_t flags_of(const P& p) {
        return static_cast<std::uint8_t>(int(p.trainable) | int(p.frozen) << 1 | int(p.trainable_before) << 2);
    }
    template <class P> static void set_flags(P& p, std::uint8_t flags) {
        p.trainable = (flags & 1u) != 0;
        p.frozen = (flags & 2u) != 0;
        p.trainable_before = (flags & 4u) != 0;
    }
    /// Saves elements, of which it keeps a copy; restores them.
    template <class T> void elements(std::vector<T>& x);
    template <class T> void element(T& x);

    SMLDIST_FUNCTION void add(io::dtype type, const shape& s, std::span<const std::byte> bytes, bool copy);
    /// The array of the current name. Throws data_error when it is missing or of another type.
    SMLDIST_FUNCTION const io::tensor_view& take(io::dtype type);
    SMLDIST_FUNCTION bool present() const;
    SMLDIST_FUNCTION void require_shape(const io::tensor_view& from, const shape& expected) const;
    /// Throws data_error for more elements than a file can hold arrays.
    SMLDIST_FUNCTION std::size_t checked_size(std::uint64_t size) const;

    const io::safetensors_file* file_ = nullptr;
    std::size_t used_ = 0; ///< arrays of the file that were restored
    std::string name_;     ///< of what is visited
    std::vector<io::tensor_view> tensors_;
    std::deque<std::vector<std::byte>> copies_; ///< of what does not outlive its visit
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#if SMLDIST_TRAIN_BODIES
#include "smldist/train/archive.ipp"
#endif

#endif
