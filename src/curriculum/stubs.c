/* Holds the place of files that are yet to come. */
#include "curriculum/evidence.h"
#include "curriculum/probe.h"
#include "curriculum/strategy.h"
