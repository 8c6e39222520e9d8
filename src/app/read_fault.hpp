// Readers map the store's file. Where the disk cannot give a mapped page (a failing device, a file
// that somebody cut short) there is no return code to look at: the kernel sends SIGBUS.
#pragma once

namespace maru::app {

// From now on a SIGBUS is said on stderr and ends the process with the status of a store that
// cannot be trusted, as every other failure of the store that cannot be refused. Once, before other
// threads start.
void end_on_read_fault();

}  // namespace maru::app
