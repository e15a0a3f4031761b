/* Counts the words of a text: runs of bytes between white space. */

#include <stddef.h>

size_t count_words(const char *text) {
    size_t count = 0;
    int inside = 0;
    for (; *text != '\0'; text++) {
        int is_space = *text == ' ' || (*text >= '\t' && *text <= '\r');
        count += !is_space && !inside;
        inside = !is_space;
    }
    return count;
}
