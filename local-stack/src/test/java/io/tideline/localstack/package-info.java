@NullMarked
package io.tideline.localstack;

import org.jspecify.annotations.NullMarked;
