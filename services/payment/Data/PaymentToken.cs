using System.Buffers.Text;
using System.Security.Cryptography;

namespace ShopMesh.Payment.Data;

/// <summary>What a card does when it is asked for money; stands in for its bank.</summary>
internal enum CardBehaviour
{
    Accept,
    Decline,
    InsufficientFunds,

    /// <summary>Refuses in passing, twice per order.</summary>
    TryAgainTwice,
}

/// <summary>Stands for a customer's card, for many orders. The number is not kept.</summary>
internal sealed class PaymentToken
{
    public required string Token { get; init; }

    public required string CustomerId { get; init; }

    public required string Brand { get; init; }

    public required string Last4 { get; init; }

    /// <summary>The last day on which the card is good.</summary>
    public required DateOnly ExpiresOn { get; init; }

    public required CardBehaviour Behaviour { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>256 random bits: nobody guesses another customer's.</summary>
    public static string NewToken() => $"tok_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}";
}
