#include "kolosal/core/error.hpp"
#include "kolosal/infer/importers/imported_model.hpp"

namespace kolosal::infer {

ImportedModel import_onnx(std::span<const std::byte>) {
  throw Error(ErrorCode::kUnsupported, "ONNX models can not be read yet");
}

}  // namespace kolosal::infer
