using Microsoft.Net.Http.Headers;

namespace ShopMesh.Catalog.Api;

/// <summary>Conditional requests (RFC 9110, 13).</summary>
internal static class Preconditions
{
    /// <summary>
    /// A change is seen within 2 s: what stands between (the gateway) may keep the answer for one, what the client has it asks about
    /// anew, by its ETag.
    /// </summary>
    public static void MayBeKept(this HttpContext http) => http.Response.Headers.CacheControl = "public, max-age=0, s-maxage=1";

    /// <summary>Sets the ETag of the answer, and tells whether the client has it already.</summary>
    public static bool IsNotModified(this HttpContext http, EntityTagHeaderValue etag)
    {
        http.Response.GetTypedHeaders().ETag = etag;
        return http.Request.GetTypedHeaders().IfNoneMatch is { Count: > 0 } known
            && known.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Compare(etag, useStrongComparison: false));
    }

    public static bool IfMatchAllows(this HttpContext http, EntityTagHeaderValue etag) =>
        http.Request.Headers.IfMatch.Count == 0
        || http.Request.GetTypedHeaders().IfMatch.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Compare(etag, useStrongComparison: true));
}
