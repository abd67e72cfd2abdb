using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using ShopMesh.Shipping.Data;
using ShopMesh.Shipping.V1;

namespace ShopMesh.Shipping.Grpc;

[Authorize(Policies.Mesh)]
[RequestSizeLimit(Batch.MaxRequestSize)]
internal sealed class ShippingService(Parcels parcels, IOptionsSnapshot<ShippingOptions> options) : V1.Shipping.ShippingBase
{
    public override Task<GetRatesResponse> GetRates(GetRatesRequest request, ServerCallContext call) => Task.FromResult(new GetRatesResponse
    {
        Rates = { options.Value.Rates.Select(rate => new V1.Rate { Id = rate.Id, Name = rate.Name, Price = new Money(rate.Price).ToMessage(), Days = rate.Days }) },
    });

    public override async Task<CreateShipmentsResponse> CreateShipments(CreateShipmentsRequest request, ServerCallContext call)
    {
        Batch.RequireIds(request.Orders.Select(order => order.OrderId), "orders");
        var rates = options.Value.Rates.Select(rate => rate.Id).ToHashSet();
        if (!request.Orders.All(order => rates.Contains(order.RateId) && order.Address is { } address && CountryCodes.IsAssigned(address.Country)))
            throw Batch.Invalid("rate_id or address is not valid.");

        var shipments = await parcels.CreateAsync([.. request.Orders.DistinctBy(order => order.OrderId)], call.CancellationToken);
        return new()
        {
            Results =
            {
                request.Orders.Select(order => shipments[order.OrderId]).Select(shipment => shipment.Status is ShipmentStatus.Cancelled
                    ? new CreateShipmentsResponse.Types.Result { Outcome = CreateShipmentsResponse.Types.Outcome.Cancelled }
                    : new() { Outcome = CreateShipmentsResponse.Types.Outcome.Created, Shipment = ToMessage(shipment) }),
            },
        };
    }

    public override async Task<CancelShipmentsResponse> CancelShipments(CancelShipmentsRequest request, ServerCallContext call)
    {
        var shipments = await parcels.CancelAsync([.. Batch.RequireIds(request.OrderIds, "order_ids").Distinct()], call.CancellationToken);
        return new()
        {
            Outcomes = { request.OrderIds.Select(id => shipments[id].Status is ShipmentStatus.Cancelled ? CancelShipmentsResponse.Types.Outcome.Cancelled : CancelShipmentsResponse.Types.Outcome.OnItsWay) },
        };
    }

    public override async Task<DispatchShipmentsResponse> DispatchShipments(DispatchShipmentsRequest request, ServerCallContext call)
    {
        var shipments = await parcels.DispatchAsync(Batch.RequireIds(request.OrderIds, "order_ids"), options.Value.DeliveryDelay, call.CancellationToken);
        return new()
        {
            Results =
            {
                request.OrderIds.Select(id => shipments.GetValueOrDefault(id) is { Status: not ShipmentStatus.Cancelled } shipment
                    ? new DispatchShipmentsResponse.Types.Result { Outcome = DispatchShipmentsResponse.Types.Outcome.Dispatched, Shipment = ToMessage(shipment) }
                    : new() { Outcome = DispatchShipmentsResponse.Types.Outcome.NoShipment }),
            },
        };
    }

    public override async Task<GetShipmentsResponse> GetShipments(GetShipmentsRequest request, ServerCallContext call)
    {
        var shipments = await parcels.FindAsync(Batch.RequireIds(request.OrderIds, "order_ids"), call.CancellationToken);
        // A tombstone for an order that never had a shipment is none.
        return new() { Shipments = { shipments.Values.Where(shipment => shipment.Carrier is not null).Select(ToMessage) } };
    }

    private static V1.Shipment ToMessage(Data.Shipment shipment) => new()
    {
        OrderId = shipment.OrderId,
        Carrier = shipment.Carrier ?? "",
        TrackingNumber = shipment.TrackingNumber ?? "",
        Status = System.Enum.Parse<V1.Shipment.Types.Status>(shipment.Status.ToString()),
        ExpectedDelivery = shipment.ExpectedDelivery?.ToTimestamp(),
    };
}
