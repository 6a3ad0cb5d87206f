/* Holds the place of files that are yet to come. */
#include "train/attention.h"
#include "train/matmul.h"
#include "train/save.h"
#include "train/trainer.h"
