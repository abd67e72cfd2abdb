namespace ShopMesh.Inventory.Data;

/// <summary>The pieces of one product. What is on hand is the sum of its ledger, whose totals by kind are kept here.</summary>
internal sealed class Stock
{
    public required string ProductId { get; init; }

    /// <summary>Seeded + corrected − sold + returned: the database computes it.</summary>
    public int OnHand { get; private set; }

    /// <summary>What open orders hold, 0 to <see cref="OnHand"/>.</summary>
    public int Reserved { get; private set; }

    public int Seeded { get; init; }

    public int Corrected { get; private set; }

    public int Sold { get; private set; }

    public int Returned { get; private set; }

    public required DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>Why pieces came or went.</summary>
internal enum LedgerKind
{
    Seeded,

    /// <summary>By an admin.</summary>
    Corrected,
    Sold,
    Returned,
}

/// <summary>A change of what is on hand. Entries are added, and never changed.</summary>
internal sealed class LedgerEntry
{
    public long Id { get; private set; }

    public required string ProductId { get; init; }

    public required LedgerKind Kind { get; init; }

    /// <summary>In pieces; how many were sold is positive.</summary>
    public required int Quantity { get; init; }

    /// <summary>With Sold and Returned.</summary>
    public string? OrderId { get; init; }

    public required DateTimeOffset At { get; init; }
}

internal enum ReservationStatus
{
    Reserved,

    /// <summary>There was not enough: the order holds nothing, and never will.</summary>
    OutOfStock,
    Committed,

    /// <summary>Given back; or a tombstone, for an order that never held anything.</summary>
    Released,
}

/// <summary>What an order holds, or held.</summary>
internal sealed class Reservation
{
    public required string OrderId { get; init; }

    public required ReservationStatus Status { get; init; }

    public required string[] ProductIds { get; init; }

    /// <summary>How many of each, in the order of <see cref="ProductIds"/>.</summary>
    public required int[] Quantities { get; init; }

    /// <summary>With OutOfStock.</summary>
    public string[] MissingProductIds { get; init; } = [];

    public required DateTimeOffset UpdatedAt { get; init; }
}
