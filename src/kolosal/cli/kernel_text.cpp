#include "kolosal/cli/kernel_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kolosal/cli/text_table.hpp"

namespace kolosal::cli {

using nlohmann::json;

json kernels_json(const std::vector<infer::LearnerTimings>& learners) {
  json out = json::array();
  for (const infer::LearnerTimings& learner : learners) {
    json sizes = json::array();
    for (const infer::KernelTiming& timing : learner.timings) {
      json kernels = json::array();
      for (const auto& entry : timing.entries)
        kernels.push_back({{"kernel", infer::kernel_name(entry.kernel)}, {"ns_per_row", entry.ns_per_row}});
      sizes.push_back({{"rows", timing.n_rows}, {"kernels", std::move(kernels)}});
    }
    out.push_back({{"member", learner.member},
                   {"pipeline", learner.pipeline},
                   {"learner", learner.learner},
                   {"kept_rows", learner.n_kept_rows},
                   {"timings", std::move(sizes)}});
  }
  return out;
}

std::string kernels_text(const std::vector<infer::LearnerTimings>& learners) {
  TextTable table({"member", "pipeline", "learner", "rows", "kernel", "ns/row", "others"});
  for (const infer::LearnerTimings& learner : learners) {
    if (learner.timings.empty())
      table.add(
          {learner.member, std::to_string(learner.pipeline), learner.learner, "", "its own predict", "", ""});
    for (const infer::KernelTiming& timing : learner.timings) {
      std::string others;
      for (std::size_t i = 1; i < timing.entries.size(); ++i)
        others += fmt::format("{}{} {:.0f}", i > 1 ? ", " : "", infer::kernel_name(timing.entries[i].kernel),
                              timing.entries[i].ns_per_row);
      table.add({learner.member, std::to_string(learner.pipeline), learner.learner,
                 std::to_string(timing.n_rows),
                 std::string(infer::kernel_name(timing.entries.front().kernel)),
                 fmt::format("{:.0f}", timing.entries.front().ns_per_row), others});
    }
  }
  const auto kept = std::ranges::find_if(learners, [](const auto& l) { return l.n_kept_rows > 0; });
  return table.text() + (kept == learners.end()
                             ? std::string("timed on rows drawn from the thresholds of the trees\n")
                             : fmt::format("timed on {} rows that the model keeps\n", kept->n_kept_rows));
}

}  // namespace kolosal::cli
