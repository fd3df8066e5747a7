#include "kolosal/infer/importers/custom_operators.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/core/library.hpp"
#include "kolosal/infer/importers/onnx_runtime.hpp"
#include "kolosal/infer/kolosal_operator.h"

namespace kolosal::infer {
namespace {

ort::Table table() { return OnnxRuntime::get().table(); }

/// What fail() was given, and where attributes are read or outputs made.
struct Call {
  const ort::KernelInfo* info = nullptr;
  ort::KernelContext* context = nullptr;
  std::string message;
};

/// Whether a call of the library went well.
bool went_well(ort::StatusPointer status) {
  if (status == nullptr) return true;
  ort::kReleaseStatus(table(), status);
  return false;
}

int get_float(const void* node, const char* name, float* value) {
  const auto* const info = static_cast<const Call*>(node)->info;
  return info != nullptr && went_well(ort::kFloatAttribute(table(), info, name, value)) ? 0 : 1;
}

int get_int(const void* node, const char* name, std::int64_t* value) {
  const auto* const info = static_cast<const Call*>(node)->info;
  return info != nullptr && went_well(ort::kIntegerAttribute(table(), info, name, value)) ? 0 : 1;
}

void* make_output(void* call, std::size_t index, const std::int64_t* dims, std::size_t n_dims) {
  auto* const context = static_cast<Call*>(call)->context;
  ort::Value* value = nullptr;
  void* data = nullptr;
  const bool is_made = context != nullptr &&
                       went_well(ort::kKernelOutput(table(), context, index, dims, n_dims, &value)) &&
                       went_well(ort::kTensorData(table(), value, &data));
  return is_made ? data : nullptr;
}

void fail(void* call, const char* message) {
  try {
    static_cast<Call*>(call)->message = message == nullptr ? "" : message;
  } catch (...) {  // no memory for the reason: the return value says that it failed
  }
}

constexpr kolosal_operator_host kHost = {KOLOSAL_OPERATOR_VERSION, get_float, get_int, make_output, fail};

/// An operator as ONNX Runtime calls it.
struct BridgedOperator : ort::CustomOp {
  explicit BridgedOperator(const kolosal_operator& wrapped);
  const kolosal_operator& op;
};

const kolosal_operator& op_of(const ort::CustomOp* custom) {
  return static_cast<const BridgedOperator*>(custom)->op;
}

/// A node of a model.
struct Kernel {
  const kolosal_operator& op;
  void* state = nullptr;
};

ort::StatusPointer failure(const kolosal_operator& op, const Call& call) {
  std::string message = std::string("the operator ") + op.name + ": " +
                        (call.message.empty() ? "it failed without telling why" : call.message);
  return ort::kCreateStatus(table(), ort::kErrorFail, message.c_str());
}

ort::StatusPointer create_kernel(const ort::CustomOp* custom, ort::Table, const ort::KernelInfo* info,
                                 void** out) {
  const kolosal_operator& op = op_of(custom);
  auto kernel = std::make_unique<Kernel>(op, nullptr);
  Call call{.info = info};
  if (op.create != nullptr && op.create(&kHost, &call, &kernel->state) != 0) return failure(op, call);
  *out = kernel.release();
  return nullptr;
}

void destroy_kernel(void* pointer) {
  const std::unique_ptr<Kernel> kernel(static_cast<Kernel*>(pointer));
  if (kernel->op.destroy != nullptr) kernel->op.destroy(kernel->state);
}

/// Fills in what an input is; dims must outlive the tensor.
ort::StatusPointer read_input(const ort::KernelContext* context, std::size_t i, kolosal_tensor& tensor,
                              std::vector<std::int64_t>& dims) {
  const ort::Value* value = nullptr;
  ort::TensorInfo* info = nullptr;
  if (auto* const status = ort::kKernelInput(table(), context, i, &value)) return status;
  if (auto* const status = ort::kTensorInfo(table(), value, &info)) return status;
  std::size_t n_dims = 0;
  int element = 0;
  auto* status = ort::kDimensionCount(table(), info, &n_dims);
  dims.resize(n_dims);
  if (status == nullptr) status = ort::kDimensions(table(), info, dims.data(), n_dims);
  if (status == nullptr) status = ort::kElementType(table(), info, &element);
  ort::kReleaseTensorInfo(table(), info);
  void* data = nullptr;
  if (status == nullptr) status = ort::kTensorData(table(), const_cast<ort::Value*>(value), &data);
  tensor = {static_cast<kolosal_element>(element), n_dims, dims.data(), data};
  return status;
}

ort::StatusPointer compute(void* pointer, ort::KernelContext* context) {
  const auto* const kernel = static_cast<const Kernel*>(pointer);
  const kolosal_operator& op = kernel->op;
  Call call{.context = context};
  try {
    std::vector<kolosal_tensor> inputs(op.n_inputs);
    std::vector<std::vector<std::int64_t>> dims(op.n_inputs);
    for (std::size_t i = 0; i < op.n_inputs; ++i)
      if (auto* const status = read_input(context, i, inputs[i], dims[i])) return status;
    if (op.compute(&kHost, kernel->state, &call, inputs.data()) == 0) return nullptr;
  } catch (const std::exception& error) {
    fail(&call, error.what());
  }
  return failure(op, call);
}

BridgedOperator::BridgedOperator(const kolosal_operator& wrapped) : op(wrapped) {
  name = [](const ort::CustomOp* custom) { return op_of(custom).name; };
  provider = [](const ort::CustomOp*) -> const char* { return nullptr; };
  n_inputs = [](const ort::CustomOp* custom) { return op_of(custom).n_inputs; };
  n_outputs = [](const ort::CustomOp* custom) { return op_of(custom).n_outputs; };
  input_type = [](const ort::CustomOp* custom, std::size_t i) {
    return static_cast<int>(op_of(custom).inputs[i]);
  };
  output_type = [](const ort::CustomOp* custom, std::size_t i) {
    return static_cast<int>(op_of(custom).outputs[i]);
  };
  input_characteristic = [](const ort::CustomOp*, std::size_t) { return 0; };  // must be there
  output_characteristic = [](const ort::CustomOp*, std::size_t) { return 0; };
  input_memory = [](const ort::CustomOp*, std::size_t) { return ort::kDefaultMemory; };
  variadic_input_least = variadic_output_least = [](const ort::CustomOp*) { return 1; };
  variadic_input_is_homogeneous = variadic_output_is_homogeneous = [](const ort::CustomOp*) { return 1; };
  first_version = [](const ort::CustomOp*) { return 1; };
  last_version = [](const ort::CustomOp*) { return 1 << 30; };
  create_kernel_checked = infer::create_kernel;
  compute_checked = infer::compute;
  destroy = destroy_kernel;
}

/// The operators of all libraries that were named so far, by domain.
class Libraries {
 public:
  static Libraries& all() {
    static Libraries& libraries = *new Libraries;  // never destroyed: sessions point to its domains
    return libraries;
  }

  void open_named() {
    const char* const list = std::getenv("KOLOSAL_OPERATORS");
    std::string_view rest = list == nullptr ? "" : list;
    while (!rest.empty()) {
      const std::string_view file = rest.substr(0, rest.find(':'));
      if (!file.empty() && !opened_.contains(file)) {
        open(std::filesystem::path(file));
        opened_.emplace(file);
      }
      rest.remove_prefix(std::min(rest.size(), file.size() + 1));
    }
  }

  bool has(const OnnxNode& node) const {
    const auto found = operators_.find(node.domain);
    return found != operators_.end() && std::ranges::any_of(found->second, [&](const auto& bridged) {
             return bridged->op.name == node.op;
           });
  }

  void add_to(const std::string& domain, ort::SessionOptions* options) {
    const OnnxRuntime& runtime = OnnxRuntime::get();
    ort::CustomOpDomain*& made = domains_[domain];
    if (made == nullptr) {
      runtime.call(ort::kCreateCustomOpDomain, domain.c_str(), &made);
      for (const auto& bridged : operators_.at(domain))
        runtime.call(ort::kAddCustomOp, made,
                     static_cast<const void*>(static_cast<const ort::CustomOp*>(bridged.get())));
    }
    runtime.call(ort::kAddCustomOpDomain, options, made);
  }

  std::mutex mutex;

 private:
  void open(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    if (!std::filesystem::exists(path))
      throw Error(ErrorCode::kUnsupported, "KOLOSAL_OPERATORS names {}, which is not there", path.string());
    const auto library = open_library(std::vector<std::string_view>{name}, std::vector{folder});
    if (!library) throw Error(ErrorCode::kUnsupported, "KOLOSAL_OPERATORS: {}", library.error());
    const auto list = reinterpret_cast<kolosal_operators_function>(reinterpret_cast<void*>(
        library->function<const kolosal_operator*(std::uint32_t, std::size_t*)>(KOLOSAL_OPERATORS_SYMBOL)));
    std::size_t n = 0;
    const kolosal_operator* const operators = list(KOLOSAL_OPERATOR_VERSION, &n);
    const std::span<const kolosal_operator> all(operators, operators == nullptr ? 0 : n);
    for (const kolosal_operator& op : all)
      if (op.domain == nullptr || op.name == nullptr || op.compute == nullptr ||
          (op.inputs == nullptr && op.n_inputs > 0) || (op.outputs == nullptr && op.n_outputs > 0))
        throw Error(ErrorCode::kUnsupported,
                    "the operator {} of {} has no domain, name, compute(), or types of its inputs or outputs",
                    op.name == nullptr ? "(without a name)" : op.name, path.string());
    for (const kolosal_operator& op : all)
      operators_[op.domain].push_back(std::make_unique<BridgedOperator>(op));
  }

  std::set<std::string, std::less<>> opened_;
  std::map<std::string, std::vector<std::unique_ptr<BridgedOperator>>, std::less<>> operators_;
  std::map<std::string, ort::CustomOpDomain*, std::less<>> domains_;  // to the end of the process
};

/// Domains of ONNX and of ONNX Runtime.
bool is_known_domain(const std::string& domain) {
  return domain.empty() || domain.starts_with("ai.onnx") || domain.starts_with("com.microsoft");
}

}  // namespace

void add_custom_operators(const OnnxModel& model, ort::SessionOptions* options) {
  std::set<std::string> domains;
  Libraries& libraries = Libraries::all();
  const std::lock_guard lock(libraries.mutex);
  for (const OnnxNode& node : model.nodes) {
    if (is_known_domain(node.domain) || model.function_domains.contains(node.domain)) continue;
    if (domains.empty()) libraries.open_named();
    if (!libraries.has(node))
      throw Error(
          ErrorCode::kUnsupported,
          "the operator {} of the domain {} is not known; let KOLOSAL_OPERATORS name the library that has it",
          node.op, node.domain);
    domains.insert(node.domain);
  }
  for (const std::string& domain : domains) libraries.add_to(domain, options);
}

}  // namespace kolosal::infer
