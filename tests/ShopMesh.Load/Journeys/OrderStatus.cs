namespace ShopMesh.Load.Journeys;

/// <summary>What becomes of an order, as docs/api.md has it.</summary>
internal static class OrderStatus
{
    public const string Submitted = "submitted";
    public const string Confirmed = "confirmed";
    public const string Delivered = "delivered";
    public const string Rejected = "rejected";
    public const string Cancelled = "cancelled";

    private static readonly string[] Path = [Submitted, "reserved", "paid", Confirmed, "dispatched", Delivered];

    public static bool IsFinal(string status) => status is Delivered or Rejected or Cancelled;

    /// <summary>No visitor cancels an order.</summary>
    public static bool MayFollow(string status, string next) => status switch
    {
        Submitted or "reserved" or "paid" when next == Rejected => true,
        _ => Array.IndexOf(Path, status) is >= 0 and var index && index + 1 < Path.Length && next == Path[index + 1],
    };
}
