#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>

namespace kolosal::artifact {

/// Writes a file so that its path holds either what it held before or all of the new bytes, whatever happens:
/// a temporary file in the same folder, fsync, rename, fsync of the folder. A symbolic link is followed. On
/// failure the temporary file is removed and the old file stays. Without `durable` the fsyncs are left out:
/// the file survives the death of the process, but not that of the machine.
/// @throws Error kIo naming the path and the reason (permission, disk full, no such folder, no regular file).
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes,
                           bool durable = true);

/// Takes bytes, one piece after the other.
using ByteSink = std::function<void(std::span<const std::byte>)>;

/// The same of a file that is made piece by piece: produce() hands the pieces over.
void write_pieces_atomically(const std::filesystem::path& path,
                             const std::function<void(const ByteSink&)>& produce, bool durable = true);

}  // namespace kolosal::artifact
