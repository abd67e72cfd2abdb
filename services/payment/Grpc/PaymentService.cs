using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Payment.Data;
using ShopMesh.Payment.V1;

namespace ShopMesh.Payment.Grpc;

[Authorize(Policies.Mesh)]
internal sealed class PaymentService(PaymentContext context, TimeProvider time) : V1.Payment.PaymentBase
{
    public override async Task<GetTokenResponse> GetToken(GetTokenRequest request, ServerCallContext call) =>
        await FindTokenAsync(request.Token, request.CustomerId, call.CancellationToken) is { } token
            ? new() { Card = new() { Brand = token.Brand, Last4 = token.Last4 } }
            : throw new RpcException(new(StatusCode.NotFound, "There is no such token."));

    public override async Task<AuthorizeResponse> Authorize(AuthorizeRequest request, ServerCallContext call)
    {
        RequireOrder(request.OrderId);
        if (request.Amount is not { MinorUnits: > 0, CurrencyCode: Money.Currency })
            throw Invalid($"amount must be more than nothing, in {Money.Currency}.");
        var amount = Money.FromMessage(request.Amount).Amount;
        var token = await FindTokenAsync(request.Token, request.CustomerId, call.CancellationToken);
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);

        var (payment, _) = await context.ChangeAsync(
            request.OrderId,
            payment =>
            {
                payment.Authorize(request.CustomerId, amount, token, today);
                return payment.Status;
            },
            call.CancellationToken);
        return new()
        {
            Outcome = payment.Status switch
            {
                PaymentStatus.Authorized or PaymentStatus.Captured => AuthorizeResponse.Types.Outcome.Authorized,
                PaymentStatus.Declined => AuthorizeResponse.Types.Outcome.Declined,
                PaymentStatus.Pending => AuthorizeResponse.Types.Outcome.TryAgain,
                _ => AuthorizeResponse.Types.Outcome.Voided,
            },
            Card = payment is { CardBrand: { } brand, CardLast4: { } last4 } ? new() { Brand = brand, Last4 = last4 } : null,
        };
    }

    public override async Task<CaptureResponse> Capture(CaptureRequest request, ServerCallContext call)
    {
        RequireOrder(request.OrderId);
        var (_, captured) = await context.ChangeAsync(request.OrderId, payment => payment.Capture(), call.CancellationToken);
        return new() { Outcome = captured ? CaptureResponse.Types.Outcome.Captured : CaptureResponse.Types.Outcome.Refused };
    }

    public override async Task<VoidResponse> Void(VoidRequest request, ServerCallContext call)
    {
        RequireOrder(request.OrderId);
        var (_, voided) = await context.ChangeAsync(request.OrderId, payment => payment.Void(), call.CancellationToken);
        return new() { Outcome = voided ? VoidResponse.Types.Outcome.Voided : VoidResponse.Types.Outcome.Captured };
    }

    public override async Task<RefundResponse> Refund(RefundRequest request, ServerCallContext call)
    {
        RequireOrder(request.OrderId);
        var (_, refunded) = await context.ChangeAsync(request.OrderId, payment => payment.Refund(), call.CancellationToken);
        return refunded ? new() : throw new RpcException(new(StatusCode.FailedPrecondition, "Nothing was captured for this order."));
    }

    /// <summary>Another customer's token is not there.</summary>
    private Task<PaymentToken?> FindTokenAsync(string token, string customerId, CancellationToken cancellationToken) =>
        context.Tokens.AsNoTracking().SingleOrDefaultAsync(t => t.Token == token && t.CustomerId == customerId, cancellationToken);

    private static void RequireOrder(string id)
    {
        if (id.Length is 0 or > 64)
            throw Invalid("order_id must have 1 to 64 characters.");
    }

    private static RpcException Invalid(string detail) => new(new(StatusCode.InvalidArgument, detail));
}
