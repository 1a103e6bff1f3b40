// SPDX-License-Identifier: BSD-3-Clause
/// The part of ONNX Runtime's C interface that a session on one tensor needs, from a library opened at run time.
///
/// The interface is a table of functions that only grows at its end, so the places are fixed: those of
/// onnxruntime_c_api.h since version 1. Types are opaque pointers.
#ifndef SMLDIST_PEERS_ONNXRUNTIME_HPP
#define SMLDIST_PEERS_ONNXRUNTIME_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <dlfcn.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace peers {

class onnxruntime {
public:
    explicit onnxruntime(const std::string& library) {
        void* const handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!handle) throw std::runtime_error(::dlerror());
        struct base {
            const void* const* (*api)(std::uint32_t version);
            const char* (*version)();
        };
        const auto get = reinterpret_cast<const base* (*)()>(::dlsym(handle, "OrtGetApiBase"));
        if (!get) throw std::runtime_error(library + " is not ONNX Runtime");
        table_ = get()->api(1);
        version_ = get()->version();
        constexpr int warnings = 2, arena = 1, default_memory = 0;
        call<create_env>(warnings, "bench", &environment_);
        call<create_cpu_memory_info>(arena, default_memory, &memory_);
    }
    const std::string& version() const { return version_; }

    /// A model with one input and one output of fixed shapes, in memory of the caller.
    class session {
    public:
        session(const onnxruntime& o, const std::string& model, int threads, float* in,
                const std::vector<std::int64_t>& in_shape, float* out, const std::vector<std::int64_t>& out_shape)
            : ort_(&o) {
            constexpr int all_optimisations = 99;
            void* options = nullptr;
            o.call<create_session_options>(&options);
            o.call<set_graph_optimization_level>(options, all_optimisations);
            o.call<set_intra_op_threads>(options, threads);
            o.call<create_session>(o.environment_, model.c_str(), options, &session_);
            in_ = o.value(in, in_shape);
            out_ = o.value(out, out_shape);
        }
        void run() {
            constexpr std::array<const char*, 1> in{"x"}, out{"logits"};
            ort_->call<run_session>(session_, static_cast<void*>(nullptr), in.data(), &in_, std::size_t(1),
                                    out.data(), std::size_t(1), &out_);
        }

    private:
        const onnxruntime* ort_;
        void *session_ = nullptr, *in_ = nullptr, *out_ = nullptr;
    };

private:
    /// Indices in the table.
    enum place : std::size_t {
        get_error_message = 2,
        create_env = 3,
        create_session = 7,
        run_session = 9,
        create_session_options = 10,
        set_graph_optimization_level = 23,
        set_intra_op_threads = 24,
        create_tensor_with_data = 49,
        create_cpu_memory_info = 69
    };
    /// Calls a function of the table; a status other than null is an error.
    template <place P, class... A> void call(A... a) const {
        const auto f = reinterpret_cast<void* (*)(A...)>(const_cast<void*>(table_[P]));
        if (void* const status = f(a...)) {
            const auto text =
                reinterpret_cast<const char* (*)(const void*)>(const_cast<void*>(table_[get_error_message]));
            throw std::runtime_error(text(status));
        }
    }
    void* value(float* data, const std::vector<std::int64_t>& extents) const {
        constexpr int float32 = 1;
        std::size_t size = sizeof(float);
        for (const std::int64_t e : extents) size *= static_cast<std::size_t>(e);
        void* v = nullptr;
        call<create_tensor_with_data>(memory_, static_cast<void*>(data), size, extents.data(), extents.size(),
                                      float32, &v);
        return v;
    }

    const void* const* table_ = nullptr;
    std::string version_;
    void *environment_ = nullptr, *memory_ = nullptr;
};

} // namespace peers

#endif
