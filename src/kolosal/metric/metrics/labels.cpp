#include <cmath>
#include <limits>

#include "kolosal/metric/metric.hpp"

namespace kolosal::metric {
namespace {

using data::TargetView;
using data::Task;
using Prediction = std::span<const double>;

/// Weighted counts of one class; the only thing that metrics on labels need.
struct ClassCount {
  double hit = 0;        ///< rows of the class, predicted as such
  double actual = 0;     ///< rows of the class
  double predicted = 0;  ///< rows predicted as the class

  ClassCount& operator+=(const ClassCount& other) {
    hit += other.hit;
    actual += other.actual;
    predicted += other.predicted;
    return *this;
  }
};

std::vector<ClassCount> class_counts(const TargetView& y, Prediction prediction) {
  const std::vector<double> confusion = confusion_matrix(y, prediction);
  const std::size_t n = y.n_classes;
  std::vector<ClassCount> counts(n);
  for (std::size_t i = 0; i < n; ++i) {
    counts[i].hit = confusion[i * n + i];
    for (std::size_t j = 0; j < n; ++j) {
      counts[i].actual += confusion[i * n + j];
      counts[j].predicted += confusion[i * n + j];
    }
  }
  return counts;
}

ClassCount total(const std::vector<ClassCount>& counts) {
  ClassCount sum;
  for (const ClassCount& c : counts) sum += c;
  return sum;
}

double ratio(double numerator, double denominator) { return denominator == 0 ? 0 : numerator / denominator; }

double ratio_or_nan(double numerator, double denominator) {
  return denominator == 0 ? std::numeric_limits<double>::quiet_NaN() : numerator / denominator;
}

double precision(const ClassCount& c) { return ratio(c.hit, c.predicted); }
double recall(const ClassCount& c) { return ratio(c.hit, c.actual); }
double f1(const ClassCount& c) { return ratio(2 * c.hit, c.actual + c.predicted); }
double jaccard(const ClassCount& c) { return ratio(c.hit, c.actual + c.predicted - c.hit); }

using ClassScore = double (*)(const ClassCount&);

/// Over the classes that occur in the target or in the predictions, as in scikit-learn.
double macro(const std::vector<ClassCount>& counts, ClassScore score) {
  double sum = 0, n = 0;
  for (const ClassCount& c : counts) {
    if (c.actual == 0 && c.predicted == 0) continue;
    sum += score(c);
    n += 1;
  }
  return ratio(sum, n);
}

double weighted(const std::vector<ClassCount>& counts, ClassScore score) {
  double sum = 0;
  for (const ClassCount& c : counts) sum += c.actual * score(c);
  return ratio(sum, total(counts).actual);
}

void append_averages(std::vector<Metric>& out, const std::string& name, const std::string& what,
                     ClassScore score) {
  const std::vector<Task> all = {Task::kBinary, Task::kMulticlass};
  out.push_back({name,
                 {},
                 what + " of class 1.",
                 {Task::kBinary},
                 true,
                 false,
                 [score](const TargetView& y, Prediction p) { return score(class_counts(y, p)[1]); }});
  out.push_back({name + "_macro",
                 {},
                 what + ", mean over the classes.",
                 all,
                 true,
                 false,
                 [score](const TargetView& y, Prediction p) { return macro(class_counts(y, p), score); }});
  out.push_back({name + "_weighted",
                 {},
                 what + ", mean over the classes weighted by their rows.",
                 all,
                 true,
                 false,
                 [score](const TargetView& y, Prediction p) { return weighted(class_counts(y, p), score); }});
  out.push_back({name + "_micro",
                 {},
                 what + " of the counts of all classes together.",
                 all,
                 true,
                 false,
                 [score](const TargetView& y, Prediction p) { return score(total(class_counts(y, p))); }});
}

double accuracy(const TargetView& y, Prediction p) { return recall(total(class_counts(y, p))); }

/// Mean recall over the classes that occur in the target.
double balanced_accuracy(const TargetView& y, Prediction p) {
  double sum = 0, n = 0;
  for (const ClassCount& c : class_counts(y, p)) {
    if (c.actual == 0) continue;
    sum += recall(c);
    n += 1;
  }
  return sum / n;
}

/// Correlation of the one-hot targets and predictions (Gorodkin, 2004); 0 when either is constant.
double matthews_corrcoef(const TargetView& y, Prediction p) {
  const auto counts = class_counts(y, p);
  const ClassCount sum = total(counts);
  const double n = sum.actual;
  double both = sum.hit * n, actual = n * n, predicted = n * n;
  for (const ClassCount& c : counts) {
    both -= c.actual * c.predicted;
    actual -= c.actual * c.actual;
    predicted -= c.predicted * c.predicted;
  }
  const double product = actual * predicted;
  return product == 0 ? 0 : both / std::sqrt(product);
}

/// Undefined (NaN) when all targets and predictions are one class, as in scikit-learn.
double cohen_kappa(const TargetView& y, Prediction p) {
  const auto counts = class_counts(y, p);
  const ClassCount sum = total(counts);
  const double n = sum.actual;
  double agreed_by_chance = 0;
  for (const ClassCount& c : counts) agreed_by_chance += c.actual * c.predicted / n;
  if (n == agreed_by_chance) return std::numeric_limits<double>::quiet_NaN();
  return 1 - (n - sum.hit) / (n - agreed_by_chance);
}

/// Both ratios of scikit-learn's class_likelihood_ratios() are undefined (NaN) without rows of class 1.
double positive_likelihood_ratio(const TargetView& y, Prediction p) {
  const auto counts = class_counts(y, p);
  const double false_positive = counts[0].actual - counts[0].hit;
  return ratio_or_nan(counts[1].hit * counts[0].actual, false_positive * counts[1].actual);
}

double negative_likelihood_ratio(const TargetView& y, Prediction p) {
  const auto counts = class_counts(y, p);
  const double false_negative = counts[1].actual - counts[1].hit;
  return ratio_or_nan(false_negative * counts[0].actual, counts[0].hit * counts[1].actual);
}

}  // namespace

std::vector<Metric> labels_metrics() {
  const std::vector<Task> all = {Task::kBinary, Task::kMulticlass};
  std::vector<Metric> out = {
      {"accuracy",
       {"acc", "accuracy_score"},
       "Share of rows whose class is predicted.",
       all,
       true,
       false,
       accuracy},
      {"balanced_accuracy",
       {"balanced_accuracy_score"},
       "Mean over the classes of the share that is found.",
       all,
       true,
       false,
       balanced_accuracy},
      {"matthews_corrcoef",
       {"mcc"},
       "Correlation of target and prediction; 0 is chance.",
       all,
       true,
       false,
       matthews_corrcoef},
      {"cohen_kappa",
       {"kappa", "cohen_kappa_score"},
       "Agreement beyond chance.",
       all,
       true,
       false,
       cohen_kappa},
      {"positive_likelihood_ratio",
       {},
       "How many times as often class 1 is predicted for rows of class 1 as for rows of class 0.",
       {Task::kBinary},
       true,
       false,
       positive_likelihood_ratio},
      {"negative_likelihood_ratio",
       {"neg_negative_likelihood_ratio"},
       "How many times as often class 0 is predicted for rows of class 1 as for rows of class 0.",
       {Task::kBinary},
       false,
       false,
       negative_likelihood_ratio},
  };
  append_averages(out, "precision", "Share of the predicted rows that are right", precision);
  append_averages(out, "recall", "Share of the actual rows that are found", recall);
  append_averages(out, "f1", "Harmonic mean of precision and recall", f1);
  append_averages(out, "jaccard", "Rows both predicted and actual, of those that are either", jaccard);
  return out;
}

}  // namespace kolosal::metric
