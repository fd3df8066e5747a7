#pragma once

#include <cstddef>
#include <cstdint>

/// The part of ONNX Runtime's C interface that is used here, under our own names. The library hands out a
/// table of function pointers of which none ever moves; kSlot... are their places. What is here is the
/// interface of version kVersion, which every later library still offers.
///
/// Source: include/onnxruntime/core/session/onnxruntime_c_api.h of ONNX Runtime 1.17 (MIT licence) describes
/// each function.
namespace kolosal::infer::ort {

inline constexpr std::uint32_t kVersion = 17;

// Things that only the library looks into.
struct Status;
struct Env;
struct Session;
struct SessionOptions;
struct Value;
struct MemoryInfo;
struct ArenaConfig;
struct TensorInfo;
struct Allocator;
struct CustomOpDomain;
struct KernelInfo;
struct KernelContext;

/// Null: it went well. Else to be released.
using StatusPointer = Status*;

using Table = const void* const*;
struct ApiBase {
  Table (*get_api)(std::uint32_t version);  ///< Null: the library is older than this version.
  const char* (*version)();
};
inline constexpr const char* kEntry = "OrtGetApiBase";

enum class ValueKind : int { kUnknown = 0, kTensor = 1, kSequence = 2, kMap = 3 };
inline constexpr int kLogFatal = 4;
inline constexpr int kErrorFail = 1;
inline constexpr int kArenaAllocator = 1, kDefaultMemory = 0;

/// A function of the table: Function<7, int(...)> is the pointer of slot 7.
template <std::size_t kSlot, typename Signature>
struct Function;
template <std::size_t kSlot, typename Result, typename... Arguments>
struct Function<kSlot, Result(Arguments...)> {
  Result operator()(Table table, Arguments... arguments) const {
    return reinterpret_cast<Result (*)(Arguments...)>(const_cast<void*>(table[kSlot]))(arguments...);
  }
};

using ElementType = int;  // as OnnxType

inline constexpr Function<0, StatusPointer(int code, const char* message)> kCreateStatus;
inline constexpr Function<2, const char*(const Status*)> kStatusMessage;
inline constexpr Function<3, StatusPointer(int severity, const char* name, Env**)> kCreateEnv;
inline constexpr Function<8, StatusPointer(const Env*, const void* model, std::size_t n_bytes,
                                           const SessionOptions*, Session**)>
    kCreateSession;
inline constexpr Function<9, StatusPointer(Session*, const void* run_options, const char* const* input_names,
                                           const Value* const* inputs, std::size_t n_inputs,
                                           const char* const* output_names, std::size_t n_outputs,
                                           Value** outputs)>
    kRun;
inline constexpr Function<10, StatusPointer(SessionOptions**)> kCreateSessionOptions;
inline constexpr Function<17, StatusPointer(SessionOptions*)> kDisableMemoryPattern;
inline constexpr Function<22, StatusPointer(SessionOptions*, int severity)> kSetLogSeverity;
inline constexpr Function<24, StatusPointer(SessionOptions*, int n_threads)> kSetIntraOpThreads;
inline constexpr Function<25, StatusPointer(SessionOptions*, int n_threads)> kSetInterOpThreads;
inline constexpr Function<26, StatusPointer(const char* domain, CustomOpDomain**)> kCreateCustomOpDomain;
inline constexpr Function<27, StatusPointer(CustomOpDomain*, const void* custom_op)> kAddCustomOp;
inline constexpr Function<28, StatusPointer(SessionOptions*, CustomOpDomain*)> kAddCustomOpDomain;
inline constexpr Function<49,
                          StatusPointer(const MemoryInfo*, void* data, std::size_t n_bytes,
                                        const std::int64_t* dims, std::size_t n_dims, ElementType, Value**)>
    kWrapTensor;
inline constexpr Function<48, StatusPointer(Allocator*, const std::int64_t* dims, std::size_t n_dims,
                                            ElementType, Value**)>
    kCreateTensor;
inline constexpr Function<51, StatusPointer(Value*, void** data)> kTensorData;
inline constexpr Function<52, StatusPointer(Value*, const char* const* texts, std::size_t n)> kFillTexts;
inline constexpr Function<53, StatusPointer(const Value*, std::size_t* n_bytes)> kTextBytes;
inline constexpr Function<54, StatusPointer(const Value*, void* bytes, std::size_t n_bytes,
                                            std::size_t* offsets, std::size_t n_offsets)>
    kCopyTexts;
inline constexpr Function<60, StatusPointer(const TensorInfo*, ElementType*)> kElementType;
inline constexpr Function<61, StatusPointer(const TensorInfo*, std::size_t*)> kDimensionCount;
inline constexpr Function<62, StatusPointer(const TensorInfo*, std::int64_t* dims, std::size_t n)>
    kDimensions;
inline constexpr Function<65, StatusPointer(const Value*, TensorInfo**)> kTensorInfo;
inline constexpr Function<67, StatusPointer(const Value*, ValueKind*)> kValueKind;
inline constexpr Function<69, StatusPointer(int allocator, int memory, MemoryInfo**)> kCreateCpuMemoryInfo;
inline constexpr Function<78, StatusPointer(Allocator**)> kDefaultAllocator;
inline constexpr Function<80, StatusPointer(const Value*, int index, Allocator*, Value**)> kElement;
inline constexpr Function<81, StatusPointer(const Value*, std::size_t*)> kElementCount;
inline constexpr Function<85, StatusPointer(const KernelInfo*, const char* name, float*)> kFloatAttribute;
inline constexpr Function<86, StatusPointer(const KernelInfo*, const char* name, std::int64_t*)>
    kIntegerAttribute;
inline constexpr Function<90, StatusPointer(const KernelContext*, std::size_t, const Value**)> kKernelInput;
inline constexpr Function<91, StatusPointer(KernelContext*, std::size_t, const std::int64_t* dims,
                                            std::size_t n_dims, Value**)>
    kKernelOutput;
inline constexpr Function<93, void(Status*)> kReleaseStatus;
inline constexpr Function<95, void(Session*)> kReleaseSession;
inline constexpr Function<96, void(Value*)> kReleaseValue;
inline constexpr Function<99, void(TensorInfo*)> kReleaseTensorInfo;
inline constexpr Function<100, void(SessionOptions*)> kReleaseSessionOptions;
inline constexpr Function<130, StatusPointer(SessionOptions*, const char* key, const char* value)> kAddConfig;
inline constexpr Function<144, StatusPointer(Env*, const MemoryInfo*, const ArenaConfig*)> kRegisterAllocator;
inline constexpr Function<156, StatusPointer(std::size_t most_bytes, int extend_strategy, int first_bytes,
                                             int most_dead_bytes, ArenaConfig**)>
    kCreateArenaConfig;
inline constexpr Function<157, void(ArenaConfig*)> kReleaseArenaConfig;

/// An operator that the library calls: the layout of its version 17.
struct CustomOp {
  std::uint32_t version = kVersion;
  void* (*create_kernel)(const CustomOp*, Table, const KernelInfo*) = nullptr;
  const char* (*name)(const CustomOp*) = nullptr;
  const char* (*provider)(const CustomOp*) = nullptr;  ///< null: the CPU
  ElementType (*input_type)(const CustomOp*, std::size_t) = nullptr;
  std::size_t (*n_inputs)(const CustomOp*) = nullptr;
  ElementType (*output_type)(const CustomOp*, std::size_t) = nullptr;
  std::size_t (*n_outputs)(const CustomOp*) = nullptr;
  void (*compute)(void* kernel, KernelContext*) = nullptr;
  void (*destroy)(void* kernel) = nullptr;
  int (*input_characteristic)(const CustomOp*, std::size_t) = nullptr;
  int (*output_characteristic)(const CustomOp*, std::size_t) = nullptr;
  int (*input_memory)(const CustomOp*, std::size_t) = nullptr;
  int (*variadic_input_least)(const CustomOp*) = nullptr;
  int (*variadic_input_is_homogeneous)(const CustomOp*) = nullptr;
  int (*variadic_output_least)(const CustomOp*) = nullptr;
  int (*variadic_output_is_homogeneous)(const CustomOp*) = nullptr;
  StatusPointer (*create_kernel_checked)(const CustomOp*, Table, const KernelInfo*, void** kernel) = nullptr;
  StatusPointer (*compute_checked)(void* kernel, KernelContext*) = nullptr;
  void* infer_shape = nullptr;
  int (*first_version)(const CustomOp*) = nullptr;
  int (*last_version)(const CustomOp*) = nullptr;
};

}  // namespace kolosal::infer::ort
