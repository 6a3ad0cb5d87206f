/* The settings of auto-deployment, which are those of the layer that it works with. */
#ifndef PR_SYSTEMS_DEPLOY_SETTINGS_H
#define PR_SYSTEMS_DEPLOY_SETTINGS_H

#include "deploy/settings.h"

#endif
