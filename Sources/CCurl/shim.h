#include <curl/curl.h>

// Swift cannot call functions with a variable number of arguments: one for each kind of value that we set.
static inline CURLcode curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode curl_set_number(CURL *handle, CURLoption option, long value) {
    return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode curl_set_source(CURL *handle, size_t (*read)(char *, size_t, size_t, void *), void *context) {
    CURLcode code = (curl_easy_setopt)(handle, CURLOPT_READFUNCTION, read);
    return code == CURLE_OK ? (curl_easy_setopt)(handle, CURLOPT_READDATA, context) : code;
}
static inline CURLcode curl_get_number(CURL *handle, CURLINFO info, long *value) { return (curl_easy_getinfo)(handle, info, value); }
