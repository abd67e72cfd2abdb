using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ShopMesh;

/// <summary>
/// JSON and a query can carry NUL, PostgreSQL's text cannot: it is refused before a statement finds out. One that fails at the use at
/// which Npgsql prepares it takes the next user of its connection with it: "Received unexpected backend message" (Npgsql 10.0.3).
/// </summary>
internal static class NulCharacter
{
    public static bool IsIn(string text) => text.Contains('\0', StringComparison.Ordinal);

    /// <summary>In a path, Kestrel refuses it.</summary>
    public static void RefuseNulInQuery(this WebApplication app) => app.Use(next => http =>
        http.Request.QueryString is { HasValue: true, Value: var query } && query.Contains("%00", StringComparison.Ordinal)
            ? throw new BadHttpRequestException("The query must not contain the NUL character.")
            : next(http));

    /// <summary>For the contracts of a JSON API: what is read has none in its texts.</summary>
    /// <remarks>A converter would do as well, but the schema of a type with one is unknown to OpenAPI.</remarks>
    public static void RefuseNul(JsonTypeInfo type)
    {
        var texts = type.Properties.Where(property => property.PropertyType == typeof(string) && property.Get is not null).ToList();
        if (texts.Count == 0)
            return;
        type.OnDeserialized = read =>
        {
            foreach (var property in texts)
            {
                if (property.Get!(read) is string text && IsIn(text))
                    throw new InvalidFieldException(property.Name, "must not contain the NUL character");
            }
        };
    }
}
