using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;

namespace ShopMesh;

/// <summary>One page of a list.</summary>
/// <param name="Items">At most as many as the limit asked for.</param>
/// <param name="NextCursor">What to pass as <c>cursor</c> for the page after this; null on the last.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

public static class Page
{
    public const int DefaultLimit = 20;
    public const int MaxLimit = 100;

    /// <summary>Cuts a page from <paramref name="items"/>, which were asked for with one more than the limit, to see whether there is a next page.</summary>
    public static Page<TResult> Of<T, TResult>(List<T> items, int limit, Func<T, TResult> map, Func<T, string> cursor) => items.Count > limit
        ? new(items.GetRange(0, limit).ConvertAll(item => map(item)), cursor(items[limit - 1]))
        : new(items.ConvertAll(item => map(item)), null);
}

/// <summary>Keyset cursors: the sort key of the last item of a page, opaque to clients.</summary>
public static class Cursor
{
    public static string Encode(params string[] key) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(key));

    /// <returns>The key with <paramref name="length"/> parts, or null without a cursor.</returns>
    /// <exception cref="InvalidFieldException">The list never gave out this cursor.</exception>
    public static string[]? Decode(string? cursor, int length)
    {
        if (string.IsNullOrEmpty(cursor))
            return null;
        try
        {
            if (JsonSerializer.Deserialize<string?[]>(Base64Url.DecodeFromChars(cursor)) is { } key && key.Length == length && key.All(part => part is not null && !NulCharacter.IsIn(part)))
                return key!;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            // Answered below, as any other cursor that is not ours.
        }

        ThrowUnknown();
        return null;
    }

    [DoesNotReturn]
    public static void ThrowUnknown() => throw new InvalidFieldException("cursor", "is not a cursor of this list");

    /// <summary>The cursor of a list that is sorted by time of change and a key.</summary>
    public static string Encode(DateTimeOffset at, string key) => Encode(at.UtcTicks.ToString(CultureInfo.InvariantCulture), key);

    public static string Encode(DateTimeOffset at, Guid id) => Encode(at, id.ToString());

    public static (DateTimeOffset At, string Key)? DecodeTimeAndKey(string? cursor)
    {
        if (Decode(cursor, 2) is not [var ticks, var key])
            return null;
        if (!long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out var at) || at > DateTimeOffset.MaxValue.Ticks)
            ThrowUnknown();
        return (new(at, TimeSpan.Zero), key);
    }

    public static (DateTimeOffset At, Guid Id)? DecodeTimeAndId(string? cursor)
    {
        if (DecodeTimeAndKey(cursor) is not var (at, key))
            return null;
        if (!Guid.TryParse(key, out var id))
            ThrowUnknown();
        return (at, id);
    }
}
