#include "kolosal/transform/decomposition_internal.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/kernel/vector_ops.hpp"

namespace kolosal::transform {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

double length_of(const std::vector<double>& v) {
  return std::sqrt(kernel::dot(v.data(), v.data(), v.size()));
}

// Inner products of all vectors of a with all of b.
Matrix products_of(const Vectors& a, const Vectors& b) {
  Matrix out(static_cast<Eigen::Index>(a.size()), static_cast<Eigen::Index>(b.size()));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b.size(); ++j)
      out(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) =
          kernel::dot(a[i].data(), b[j].data(), a[i].size());
  return out;
}

}  // namespace

SymmetricEigen eigen_of(const std::vector<double>& matrix, std::size_t n) {
  SymmetricEigen out;
  if (n == 0) return out;
  const auto size = static_cast<Eigen::Index>(n);
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(Eigen::Map<const Matrix>(matrix.data(), size, size));
  if (solver.info() != Eigen::Success)
    throw Error(ErrorCode::kInternal, "the eigenvalues of a {} x {} matrix did not converge", n, n);
  out.values.resize(n);
  out.vectors.resize(n * n);
  for (Eigen::Index i = 0; i < size; ++i) {
    const Eigen::Index from = size - 1 - i;
    out.values[static_cast<std::size_t>(i)] = solver.eigenvalues()[from];
    for (Eigen::Index j = 0; j < size; ++j)
      out.vectors[static_cast<std::size_t>(i * size + j)] = solver.eigenvectors()(j, from);
  }
  return out;
}

void fix_sign(double* vector, std::size_t n) {
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(vector[i]));
  // Entries of one size to rounding, as two standardized columns have: the first of them.
  std::size_t at = 0;
  while (at < n && std::abs(vector[at]) < (1 - 1e-9) * largest) ++at;
  if (at == n || !(vector[at] < 0)) return;
  for (std::size_t i = 0; i < n; ++i) vector[i] = -vector[i];
}

void orthonormalize(Vectors& vectors) {
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    auto& v = vectors[i];
    const double before = length_of(v);
    for (int pass = 0; pass < 2; ++pass)
      for (std::size_t j = 0; j < i; ++j)
        kernel::axpy(-kernel::dot(vectors[j].data(), v.data(), v.size()), vectors[j].data(), v.data(),
                     v.size());
    const double length = length_of(v);
    const double factor = length > 1e-13 * before && length > 0 ? 1 / length : 0;
    for (double& value : v) value *= factor;
  }
}

TopSingular randomized_svd(const LinearMap& x, const RandomizedParams& params, std::uint64_t seed) {
  const std::size_t smaller = std::min(x.n_rows, x.n_columns);
  const std::size_t k = std::min(params.k, smaller), width = std::min(k + params.n_oversamples, smaller);
  TopSingular out;
  if (k == 0) return out;
  Rng rng(seed);
  Vectors start(width, std::vector<double>(x.n_columns));
  for (auto& vector : start)
    for (double& value : vector) value = rng.normal();
  Vectors range = x.multiply(start);
  for (std::size_t i = 0; i < params.n_iterations; ++i) {
    orthonormalize(range);
    Vectors back = x.multiply_transposed(range);
    orthonormalize(back);
    range = x.multiply(back);
  }
  orthonormalize(range);
  // range^T X = R^T basis^T, so the singular vectors of the small R turn the basis into those of X.
  const Vectors projected = x.multiply_transposed(range);
  Vectors basis = projected;
  orthonormalize(basis);
  const Eigen::JacobiSVD<Matrix> svd(products_of(basis, projected), Eigen::ComputeFullU);
  for (std::size_t i = 0; i < k; ++i) {
    const auto column = static_cast<Eigen::Index>(i);
    out.values.push_back(svd.singularValues()[column]);
    std::vector<double> vector(x.n_columns);
    for (std::size_t j = 0; j < width; ++j)
      kernel::axpy(svd.matrixU()(static_cast<Eigen::Index>(j), column), basis[j].data(), vector.data(),
                   vector.size());
    fix_sign(vector.data(), vector.size());
    out.vectors.push_back(std::move(vector));
  }
  return out;
}

}  // namespace kolosal::transform
