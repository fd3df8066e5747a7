#pragma once

#include <string>

#include "kolosal/infer/exporters/exported_model.hpp"

namespace kolosal::infer::exporters {

/// A model of trees and linear learners as PMML 4.4: a chain of one model per learner and output, and a last
/// one that blends and calibrates. NaN and missing are one there; infinite numbers are not provided for.
/// @throws Error kUnsupported for networks, the focal loss, and several quantiles.
std::string export_pmml(const ExportedModel& model);

}  // namespace kolosal::infer::exporters
